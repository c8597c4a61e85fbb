import type { BrowserContext } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { concat, samplesPerMs } from "../../bridge-task/audio/pcm.ts";
import type { CloudEvent } from "../cloud/event-log.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import type { Rule } from "../cloud/openai/index.ts";
import { type PageServer, servePage } from "../cloud/page/server.ts";
import { signal, silence } from "../support/signals.ts";
import { speak } from "../support/speech.ts";
import { encodeWav } from "../support/wav.ts";
import { BrowserEar } from "./browser-ear.ts";
import { Caller } from "./caller.ts";
import { Correlator } from "./correlator.ts";
import { browserTests, findChromium } from "./find-chromium.ts";
import { type LaunchedBrowser, launchChromium } from "./launch.ts";

/** For each single step; the steps of a test together may take several times as long on a busy machine. */
const patienceMs = 30_000;
const testTimeoutMs = 180_000;
/** See correlate(): a right signal has 0.7 and more after a codec, a wrong one less than 0.25. */
const heardScore = 0.6;
const notHeardScore = 0.4;

const plan = browserTests(await findChromium(process.env), Boolean(process.env.CI));
if (plan.type === "fail") {
  test("a browser is installed", () => {
    throw new Error(plan.reason);
  });
}
if (plan.type === "skip") console.warn(`Browser tests are skipped: ${plan.reason}`);

const question = signal("question", 1_500);
/** Half a minute of speech: never heard to its end. */
const longText = Array.from({ length: 12 }, (_, at) => `This is sentence number ${at + 1} of a very long answer.`).join(
  " ",
);
/** In the page: a microphone that is open and hears nothing. */
const silentMicrophone =
  "navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream;";
const reply = (name: string): Rule["reply"] => ({ text: `This is the ${name}.`, speech: { signal: name } });

describe.skipIf(plan.type !== "run")("a person in Chromium", { timeout: testTimeoutMs }, () => {
  let cloud: Cloud;
  let page: PageServer;
  let chromium: LaunchedBrowser;
  let context: BrowserContext;
  let caller: Caller;
  let startSeq: number;
  let correlator: Correlator;

  beforeAll(async () => {
    correlator = new Correlator();
    cloud = await startCloud();
    page = await servePage(cloud);
    const microphone = concat([silence(300), question, silence(1_000)]);
    if (plan.type === "run") {
      chromium = await launchChromium(plan.executable, encodeWav({ sampleRate: 24_000, channels: [microphone] }));
    }
  }, testTimeoutMs);

  afterAll(async () => {
    await chromium?.close();
    await page?.close();
    await cloud?.close();
    await correlator?.close();
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

  const lastSeq = (): number => cloud.log.since().at(-1)?.seq ?? 0;

  /** The first such event since the test began, or since another one. */
  const happens = (source: CloudEvent["source"], type: string, afterSeq = startSeq): Promise<CloudEvent> =>
    cloud.log.waitFor(
      (event) => event.source === source && event.type === type && event.seq > afterSeq,
      patienceMs,
      `${source} ${type} after event ${afterSeq}`,
    );

  /** The same, of the person and not of the agent. */
  const personDoes = (type: string, afterSeq = startSeq): Promise<CloudEvent> =>
    cloud.log.waitFor(
      ({ seq, type: other, data }) => seq > afterSeq && other === type && String(data.userId).startsWith("person-"),
      patienceMs,
      `${type} of the person after event ${afterSeq}`,
    );

  /** How alike what the model received in this test's session and that signal are. */
  const modelHeard = async (known: Int16Array): Promise<number> => {
    const { data } = await happens("openai", "session.opened");
    const session = cloud.openai.session(String(data.sessionId));
    if (!session) throw new Error("the session is gone from the local cloud");
    return (await correlator.correlate(session.inputRecord.pcm(), known)).score;
  };

  /** Waits until the page has received that sound since `fromSample`. */
  const hears = async (what: string, known: Int16Array, fromSample = 0): Promise<void> => {
    const { ear } = caller;
    const deadlineMs = performance.now() + patienceMs;
    for (let score = 0, nextSample = 0; score < heardScore; nextSample = ear.sampleCount + 500 * samplesPerMs) {
      const isWorthwhile = () => ear.sampleCount >= nextSample && ear.voicedMs(fromSample) >= 1_000;
      if (deadlineMs - performance.now() < 600 ) (await import("node:fs")).writeFileSync(`/tmp/exp/fail-${what}-${Date.now()}.wav`, encodeWav({sampleRate: 24000, channels: [ear.pcm()]}));
      await ear.until(isWorthwhile, deadlineMs - performance.now(), `hearing the ${what}`);
      ({ score } = await correlator.correlate(ear.pcm(fromSample), known));
      console.log("HEARS", what, score);
    }
  };

  test("is heard by the agent, hears it, and silences it by speaking", async () => {
    const { ear } = caller;
    const longAnswer = await speak(longText);
    cloud.openai.mind.add([{ when: { after: "user" }, reply: { text: longText } }]);
    await caller.click("Join and type");
    await hears("greeting", signal("greeting"));
    await caller.reads("Lucy (agent)");
    await caller.reads("This is the greeting.");
    await caller.sees("Listening");
    await personDoes("sfu.first_packet");

    // The microphone's file plays from its beginning when the microphone is opened: no time of day sets the pace here.
    const questionFrom = ear.sampleCount;
    await caller.click("Unmute");
    await happens("openai", "server.input_audio_buffer.speech_stopped");
    console.log("SCORE", await modelHeard(question));
    expect(await modelHeard(question)).toBeGreaterThan(heardScore);
    await hears("long answer", longAnswer.subarray(0, 2_000 * samplesPerMs), questionFrom);
    await caller.sees("Speaking");
    await caller.reads("When somebody creates a call");
    await caller.reads(/heard \d+ ms after you stopped/);

    // Opened again it says the same again, into the answer.
    cloud.openai.mind.add([{ when: { after: "user" }, reply: reply("second answer") }]);
    await caller.click("Mute");
    const beforeInterruption = lastSeq();
    await caller.click("Unmute");
    const interruption = await happens("openai", "server.input_audio_buffer.speech_started", beforeInterruption);
    const interruptedAt = ear.sampleAt(interruption.atMs);
    const silentFrom = await ear.silenceAfter(interruptedAt, 800, patienceMs, "silence after the interruption");
    console.log("SILENT AFTER", (silentFrom - interruptedAt) / samplesPerMs);
    expect((silentFrom - interruptedAt) / samplesPerMs).toBeLessThan(1_000);

    // The model was told how much was heard, not how much it had generated: the last sound tells where that was.
    const lastHeard = ear.pcm().subarray(silentFrom - 1_000 * samplesPerMs, silentFrom);
    const last = await correlator.correlate(longAnswer, lastHeard);
    expect(last.score).toBeGreaterThan(heardScore);
    const heardMs = last.atSample / samplesPerMs + 1_000;
    const truncation = await happens("openai", "client.conversation.item.truncate", beforeInterruption);
    const { audio_end_ms: toldMs } = truncation.data.event as { audio_end_ms: number };
    console.log("TOLD", toldMs, "HEARD", heardMs, last.score);
    expect(Math.abs(toldMs - heardMs)).toBeLessThan(500);
    await caller.reads("Agent, interrupted");

    await hears("second answer", signal("second answer"), silentFrom);
    const rest = longAnswer.subarray(Math.round((heardMs + 100) * samplesPerMs)).subarray(0, 1_500 * samplesPerMs);
    console.log("REST", (await correlator.correlate(ear.pcm(silentFrom), rest)).score);
    expect((await correlator.correlate(ear.pcm(silentFrom), rest)).score).toBeLessThan(notHeardScore);
  });

  test("is understood when typing, without a microphone", async () => {
    cloud.openai.mind.add([{ when: { heard: "what time is it" }, reply: reply("time") }]);
    await context.clearPermissions();
    await caller.click("Join and type");
    await hears("greeting", signal("greeting"));
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
    await hears("greeting", signal("greeting"));
    const beforeMute = lastSeq();
    await caller.click("Mute");
    const muted = await personDoes("sfu.track_unpublished", beforeMute);
    const lineFrom = caller.ear.sampleCount;
    await caller.say("Are you still there?");
    const unmuted = await personDoes("sfu.track_published", muted.seq);
    await hears("presence", signal("presence"), lineFrom);
    await personDoes("sfu.track_unpublished", unmuted.seq);
  });

  test("is told what to do when the microphone is refused, and hears the agent all the same", async () => {
    await context.clearPermissions();
    await caller.click("Join with microphone");
    await caller.reads("The browser was not allowed to use the microphone.");
    await hears("greeting", signal("greeting"));
  });

  test("leaves, and reads on the page that it is over", async () => {
    await caller.click("Join with microphone");
    await personDoes("sfu.first_packet");
    await caller.click("Leave");
    await personDoes("sfu.left");
    await caller.reads("You have left the call.");
  });
});
