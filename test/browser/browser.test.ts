import type { BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { concat, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import type { Rule, Session } from "../cloud/openai/index.ts";
import { type PageServer, servePage } from "../cloud/page/server.ts";
import { signal, silence } from "../support/signals.ts";
import { speak } from "../support/speech.ts";
import { encodeWav } from "../support/wav.ts";
import { BrowserEar } from "./browser-ear.ts";
import { Caller } from "./caller.ts";
import { Comparer } from "./comparer.ts";
import { browserTests, findChromium } from "./find-chromium.ts";
import { pieceScore } from "./heard.ts";
import { type LaunchedBrowser, launchChromium } from "./launch.ts";

/** For each single step; the steps of a test together may take several times as long on a busy machine. */
const patienceMs = 30_000;
const testTimeoutMs = 180_000;
/** How much of a sound must be found to call it heard, and how much may be found by chance. See heardShare(). */
const heard = 0.8;
const notHeard = 0.4;

const plan = browserTests(await findChromium(process.env), Boolean(process.env.CI));
if (plan.type === "fail") {
  test("a browser is installed", () => {
    throw new Error(plan.reason);
  });
}
const skipped = plan.type === "skip" ? ` (skipped: ${plan.reason})` : "";
if (plan.type === "skip") console.warn(`Browser tests are skipped: ${plan.reason}`);

const question = signal("question", 1_500);
/** Half a minute of speech: never heard to its end. */
const longAnswer = [
  "When somebody creates a call, a webhook hears of it and starts one small process, just for that call.",
  "It joins as a participant, takes the sound of everybody who speaks, and hands it to a model.",
  "The model answers faster than anybody can talk, so its words wait in a queue and leave it in frames of twenty milliseconds.",
  "Who begins to speak cuts that queue at once, and the model is told exactly how much of its answer could be heard.",
  "Several people may be there, some with bad networks, and each of them has a buffer that puts late packets in order.",
  "After the last person hung up, the agent waits for a quarter of a minute, and then nothing is left running.",
];
/** In the page: a microphone that is open and hears nothing. */
const silentMicrophone =
  "navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream;";
const reply = (name: string): Rule["reply"] => ({ text: `This is the ${name}.`, speech: { signal: name } });

describe.skipIf(plan.type !== "run")(`a person in Chromium${skipped}`, { timeout: testTimeoutMs }, () => {
  let cloud: Cloud;
  let page: PageServer;
  let chromium: LaunchedBrowser;
  let context: BrowserContext;
  let caller: Caller;
  let startSeq: number;
  let comparer: Comparer;

  beforeAll(async () => {
    comparer = new Comparer();
    cloud = await startCloud();
    page = await servePage(cloud);
    const microphone = concat([silence(300), question, silence(1_000)]);
    chromium = await launchChromium(executable(), encodeWav({ sampleRate: 24_000, channels: [microphone] }));
  }, testTimeoutMs);

  afterAll(async () => {
    await chromium?.close();
    await page?.close();
    await cloud?.close();
    await comparer?.close();
  }, testTimeoutMs);

  beforeEach(async () => {
    cloud.openai.mind.clear();
    cloud.openai.mind.add([{ when: { after: "nothing" }, reply: reply("greeting") }]);
    startSeq = lastSeq();
    context = await chromium.browser.newContext({ permissions: ["microphone"] });
    caller = await Caller.open(context, await BrowserEar.attach(context), page.url);
  });

  afterEach(async () => {
    await context.close();
    expect(caller.pageErrors).toEqual([]);
  });

  const executable = (): string => {
    if (plan.type !== "run") throw new Error("there is no browser");
    return plan.executable;
  };

  const lastSeq = (): number => cloud.log.since().at(-1)?.seq ?? 0;

  const event = (what: string, match: (event: CloudEvent) => boolean, afterSeq = startSeq): Promise<CloudEvent> =>
    cloud.log.waitFor((event) => event.seq > afterSeq && match(event), patienceMs, `${what} after event ${afterSeq}`);

  /** The model session of this test; those of earlier tests may still be open. */
  const session = async (): Promise<Session> => {
    const { data } = await event("session.opened", ({ type }) => type === "session.opened");
    const opened = cloud.openai.session(String(data.sessionId));
    if (!opened) throw new Error("the session is gone from the local cloud");
    return opened;
  };

  /** The first such event of this test's session, or the first after another event. */
  const modelEvent = async (type: string, afterSeq = startSeq): Promise<CloudEvent> => {
    const { id } = await session();
    return event(type, (other) => other.type === type && other.data.sessionId === id, afterSeq);
  };

  /** The same, of this test's person. */
  const personEvent = async (type: string, afterSeq = startSeq): Promise<CloudEvent> => {
    const isPersonJoining = (other: CloudEvent) =>
      other.type === "sfu.joined" && String(other.data.userId).startsWith("person-");
    const { userId } = (await event("a person joining", isPersonJoining)).data;
    return event(type, (other) => other.type === type && other.data.userId === userId, afterSeq);
  };

  /** Waits until the page has received that sound since `fromSample`. */
  const hears = async (what: string, known: Int16Array, fromSample = 0): Promise<void> => {
    const { ear } = caller;
    const deadlineMs = performance.now() + patienceMs;
    for (let share = 0, nextSample = 0; share < heard; nextSample = ear.sampleCount + 500 * samplesPerMs) {
      const isWorthwhile = () => ear.sampleCount >= nextSample && ear.voicedMs(fromSample) >= 1_000;
      await ear.until(
        isWorthwhile,
        deadlineMs - performance.now(),
        `hearing the ${what}, of which ${share} was there,`,
      );
      share = await comparer.share(ear.pcm(fromSample), known);
    }
  };

  /** Waits until media flows both ways and the agent, its greeting said, listens. */
  const isReady = async (): Promise<void> => {
    await personEvent("sfu.first_packet");
    await personEvent("sfu.subscriber_connected");
    await caller.hearsOut("This is the greeting.");
    await caller.sees("Listening");
  };

  test("is heard by the agent, hears it, and silences it by speaking", async () => {
    const { ear } = caller;
    // As the model says it: sentence by sentence.
    const longSound = concat(await Promise.all(longAnswer.map((sentence) => speak(sentence))));
    cloud.openai.mind.add([{ when: { after: "user" }, reply: { text: longAnswer.join(" ") } }]);
    await caller.click("Join and type");
    await isReady();
    await caller.reads("Lucy (agent)");
    await caller.reads("This is the greeting.");

    // The microphone's file plays from its beginning when the microphone is opened: no time of day sets the pace here.
    const questionFrom = ear.sampleCount;
    await caller.click("Unmute");
    await modelEvent("server.input_audio_buffer.speech_stopped");
    expect(await comparer.share((await session()).inputRecord.pcm(), question)).toBeGreaterThanOrEqual(heard);
    await hears("long answer", longSound.subarray(0, 2_000 * samplesPerMs), questionFrom);
    await caller.sees("Speaking");
    await caller.reads("When somebody creates a call");
    await caller.reads(/heard \d+ ms after you stopped/);

    // Opened again it says the same again, into the answer.
    cloud.openai.mind.add([{ when: { after: "user" }, reply: reply("second answer") }]);
    await caller.click("Mute");
    const beforeInterruption = lastSeq();
    await caller.click("Unmute");
    const interruption = await modelEvent("server.input_audio_buffer.speech_started", beforeInterruption);
    const interruptedAt = ear.sampleAt(interruption.atMs);
    const silentFrom = await ear.silenceAfter(interruptedAt, 800, patienceMs, "silence after the interruption");
    expect((silentFrom - interruptedAt) / samplesPerMs).toBeLessThan(1_000);

    // The model was told how much was heard, not how much it had generated: the last sound tells where that was.
    const lastMs = 600;
    const last = await comparer.place(longSound, ear.pcm().subarray(silentFrom - lastMs * samplesPerMs, silentFrom));
    expect(last.score).toBeGreaterThan(pieceScore);
    const heardMs = last.atSample / samplesPerMs + lastMs;
    const truncation = await modelEvent("client.conversation.item.truncate", beforeInterruption);
    const { audio_end_ms: toldMs } = truncation.data.event as { audio_end_ms: number };
    expect(Math.abs(toldMs - heardMs)).toBeLessThan(500);
    await caller.reads("Agent, interrupted");

    await hears("second answer", signal("second answer"), silentFrom);
    const rest = longSound.subarray(Math.round((toldMs + 100) * samplesPerMs)).subarray(0, 1_500 * samplesPerMs);
    expect(await comparer.share(ear.pcm(silentFrom), rest)).toBeLessThan(notHeard);
  });

  test("is understood when typing, without a microphone", async () => {
    cloud.openai.mind.add([{ when: { heard: "what time is it" }, reply: reply("time") }]);
    await context.clearPermissions();
    await caller.click("Join and type");
    await isReady();
    const lineFrom = caller.ear.sampleCount;
    await caller.say("What time is it?");
    await hears("time", signal("time"), lineFrom);
    await caller.reads("What time is it?");
    await caller.reads("This is the time.");
  });

  test("is muted for everybody, and unmuted for the length of a typed line", async () => {
    cloud.openai.mind.add([{ when: { heard: "still there" }, reply: reply("presence") }]);
    await context.addInitScript(silentMicrophone);
    await caller.page.reload();
    await caller.click("Join with microphone");
    await isReady();
    const beforeMute = lastSeq();
    await caller.click("Mute");
    const muted = await personEvent("sfu.track_unpublished", beforeMute);
    const lineFrom = caller.ear.sampleCount;
    await caller.say("Are you still there?");
    const unmuted = await personEvent("sfu.track_published", muted.seq);
    await hears("presence", signal("presence"), lineFrom);
    await personEvent("sfu.track_unpublished", unmuted.seq);
  });

  test("is told what to do when the microphone is refused, and can type", async () => {
    cloud.openai.mind.add([{ when: { heard: "without a microphone" }, reply: reply("comfort") }]);
    await context.clearPermissions();
    await caller.click("Join with microphone");
    await caller.reads("The browser was not allowed to use the microphone.");
    await isReady();
    const lineFrom = caller.ear.sampleCount;
    await caller.say("I am here without a microphone.");
    await hears("comfort", signal("comfort"), lineFrom);
  });

  test("leaves, and reads on the page that it is over", async () => {
    await caller.click("Join with microphone");
    await personEvent("sfu.first_packet");
    await caller.click("Leave");
    await personEvent("sfu.left");
    await caller.reads("You have left the call.");
  });

  test("is gone when the browser is killed, and so is the agent, by itself", async () => {
    const { options } = cloud.stream.sfu;
    const { fastReconnectDeadlineSeconds } = options;
    // How long the SFU waits for who vanished without a word; the agent's own patience comes on top.
    options.fastReconnectDeadlineSeconds = 1;
    const doomed = await launchChromium(executable(), encodeWav({ sampleRate: 24_000, channels: [silence(1_000)] }));
    try {
      const page = await doomed.browser.newPage();
      await page.goto(caller.page.url());
      await page.getByRole("button", { name: "Join and type", exact: true }).click();
      await page.getByText("This is the greeting.").first().waitFor({ timeout: patienceMs });
      // By the call: an agent of the test before may still be on its way.
      const isPersonIn = ({ type, data }: CloudEvent) =>
        type === "sfu.joined" && String(data.userId).startsWith("person-");
      const cid = String((await event("the person", isPersonIn)).data.cid);
      const task = cloud.aws.tasks().find(({ startedBy }) => startedBy === cid.replace(":", "/"));
      await doomed.kill();
      const isEnd = ({ type, data }: CloudEvent) => type === "task.stopped" && data.taskId === task?.taskId;
      expect((await event("the end of the task", isEnd)).data.exitCode).toBe(0);
      expect(() => process.kill(Number(task?.pid), 0)).toThrow("ESRCH");
    } finally {
      options.fastReconnectDeadlineSeconds = fastReconnectDeadlineSeconds;
      await doomed.close();
    }
  });
});
