import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { EventLog } from "../cloud/event-log.ts";
import { type StreamCloud, startStreamCloud } from "../cloud/stream/index.ts";
import { type BrowserHarness, findBrowser, type SdkPage, startBrowser } from "./stream-support/browser.ts";

const keys = { apiKey: "key", apiSecret: "secret" };
const browserPath = findBrowser();
if (!browserPath) process.stderr.write("skipped: no Chromium; apt-get install chromium, or set CHROMIUM_PATH\n");

interface Track {
  ssrc: number;
  packetsReceived: number;
  totalAudioEnergy: number;
}
interface Person {
  userId: string;
  sessionId: string;
  publishedTracks: number[];
  isSpeaking: boolean;
  isLocal: boolean;
  hasAudio: boolean;
}

const total = (tracks: Track[]) => tracks.reduce((sum, { packetsReceived }) => sum + packetsReceived, 0);
const hears = (tracks: Track[]) => tracks.some((track) => track.packetsReceived > 20 && track.totalAudioEnergy > 0);

describe.skipIf(!browserPath)("the official browser SDK in the local cloud", () => {
  let browser: BrowserHarness;
  let cloud: StreamCloud;
  let log: EventLog;
  const pages: SdkPage[] = [];

  const open = async (userId: string): Promise<SdkPage> => {
    const page = await browser.open(cloud, keys, userId);
    pages.push(page);
    return page;
  };

  const typesOf = (cid: string) =>
    log
      .since()
      .filter(({ type, data }) => type.startsWith("call.") && data.cid === cid)
      .map(({ type }) => type);

  beforeAll(async () => {
    browser = await startBrowser(browserPath ?? "");
    log = new EventLog();
    cloud = await startStreamCloud({ log, ...keys, fastReconnectDeadlineSeconds: 3, sessionInactivitySeconds: 1 });
  });
  afterEach(async () => {
    for (const { page } of pages.splice(0)) await page.context().close();
  });
  afterAll(async () => {
    await cloud?.close();
    await browser?.close();
  });

  it("lets two people hear each other, mute, unmute and leave", async () => {
    const [alice, bob] = await Promise.all([open("alice"), open("bob")]);
    const aliceId = await alice.run<string>("join", "default", "two");
    await bob.run("join", "default", "two");
    await alice.until<Track[]>("heard", hears);
    await bob.until<Track[]>("heard", hears);
    const people = await bob.until<Person[]>("participants", (all) =>
      all.every(({ hasAudio, isLocal }) => hasAudio || isLocal),
    );
    expect(people.map(({ userId }) => userId).sort()).toEqual(["alice", "bob"]);
    await bob.until<Person[]>("participants", (all) =>
      all.some(({ userId, isSpeaking }) => userId === "alice" && isSpeaking),
    );

    await alice.run("microphone", false);
    await bob.until<Person[]>("participants", (all) =>
      all.some((one) => one.sessionId === aliceId && one.publishedTracks.length === 0),
    );
    await alice.run("microphone", true);
    await bob.until<Person[]>("participants", (all) =>
      all.some((one) => one.sessionId === aliceId && one.publishedTracks.length === 1),
    );
    const before = await bob.run<Track[]>("heard");
    await bob.until<Track[]>("heard", (now) => (now[0]?.packetsReceived ?? 0) > (before[0]?.packetsReceived ?? 0) + 20);

    await alice.run("leave");
    await bob.until<Person[]>("participants", (all) => all.length === 1);
    expect(await bob.run("states")).not.toContain("reconnecting");

    // A newcomer's track takes over the m-line that Alice's has left.
    const carol = await open("carol");
    await carol.run("join", "default", "two");
    await carol.until<Track[]>("heard", hears);
    await bob.until<Person[]>("participants", (all) =>
      all.some(({ userId, hasAudio }) => userId === "carol" && hasAudio),
    );
    await bob.until<Track[]>("heard", hears);
  });

  it("ends the call for everybody from the server, and the session with it", async () => {
    const alice = await open("alice");
    await alice.run("join", "default", "ended");
    await log.waitFor(
      ({ type, data }) => type === "sfu.first_voiced_packet" && data.cid === "default:ended",
      5_000,
      "voice",
    );
    await cloud.control.request("/calls/default/ended/end", { method: "POST" });
    await alice.until<string[]>("states", (states) => states.at(-1) === "left");
    expect(typesOf("default:ended")).toEqual([
      "call.created",
      "call.session_started",
      "call.session_participant_joined",
      "call.session_participant_count_updated",
      "call.ended",
      "call.session_participant_left",
      "call.session_participant_count_updated",
      "call.session_ended",
    ]);
  });

  it.each([
    ["FAST after its socket was cut", "/faults/close-sfu-socket", {}],
    ["REJOIN on an error that asks for it", "/faults/sfu-event", { event: "error", code: 204, strategy: 3 }],
    ["MIGRATE on goAway", "/faults/sfu-event", { event: "goAway" }],
  ])("hears and is heard again after %s", async (name, path, fault) => {
    const id = name.slice(0, 4);
    const [alice, bob] = await Promise.all([open("alice"), open("bob")]);
    await Promise.all([alice.run("join", "default", id), bob.run("join", "default", id)]);
    await Promise.all([alice.until<Track[]>("heard", hears), bob.until<Track[]>("heard", hears)]);
    const body = JSON.stringify({ ...fault, cid: `default:${id}`, userId: "alice" });
    await cloud.control.request(path, { method: "POST", body });
    await alice.until<string[]>("states", (states) => states.some((state) => /reconnecting|migrating/.test(state)));
    await alice.until<string[]>("states", (states) => states.at(-1) === "joined");
    for (const page of [alice, bob]) {
      const before = total(await page.run<Track[]>("heard"));
      await page.until<Track[]>("heard", (now) => total(now) > before + 50);
    }
    expect(await bob.run("states")).not.toContain("reconnecting");
    expect((await bob.run<Person[]>("participants")).map(({ userId }) => userId).sort()).toEqual(["alice", "bob"]);
  });
});
