import { randomUUID } from "node:crypto";
import { StreamClient } from "@stream-io/node-sdk";
import { messageOf } from "../../bridge-task/errors.ts";
import { epochMs } from "../cloud/event-log.ts";
import type { Cloud } from "../cloud/index.ts";
import { silence, speak } from "../support/speech.ts";
import { findIn, withoutSilence } from "./evidence.ts";
import { isVoice, Person } from "./person.ts";
import type { Timeline } from "./timeline.ts";

/** One thing that had to be so. */
export interface Finding {
  what: string;
  passed: boolean;
  detail: string;
}

const hostId = "host";
const callerId = "caller";
const greetingTimeoutMs = 30_000;
const answerTimeoutMs = 15_000;
/** A pause this long is the end of an answer, not one between its sentences. */
const endOfAnswerMs = 900;
const longestAnswerMs = 60_000;
/** How much of the second answer is listened to before it is interrupted. */
const patienceMs = 2_500;
/** From the interrupter's first sound to the agent's last: the model has to notice the speech first. */
const longestTalkOverMs = 600;
const taskEndTimeoutMs = 10_000;

/** The call that `--headless` plays, and what was found in it. */
export class Call {
  readonly id = `demo-${randomUUID().slice(0, 8)}`;
  readonly #checks: (() => Finding)[] = [];
  readonly #cloud: Cloud;
  readonly #timeline: Timeline;
  readonly #streamClient: StreamClient;
  #person: Person | undefined;
  /** Samples of the model's audio that belong to what was dealt with. */
  #generatedBefore = 0;

  constructor(cloud: Cloud, timeline: Timeline) {
    this.#cloud = cloud;
    this.#timeline = timeline;
    const { streamApiKey, streamApiSecret, streamServerBaseUrl } = cloud.info;
    this.#streamClient = new StreamClient(streamApiKey, streamApiSecret, { basePath: streamServerBaseUrl });
  }

  /** Creates the call as an application's server would. Nothing but its webhook brings the agent in. */
  async create(): Promise<void> {
    await this.#streamClient.upsertUsers([{ id: hostId, name: "Host" }]);
    const call = this.#streamClient.video.call("default", this.id);
    await call.getOrCreate({ data: { created_by_id: hostId } });
    this.#timeline.note("host", `created the call default:${this.id}`);
  }

  async join(): Promise<void> {
    this.#person = await Person.join({
      info: this.#cloud.info,
      call: { type: "default", id: this.id },
      userId: callerId,
      name: "Caller",
    });
  }

  get person(): Person {
    if (!this.#person) throw new Error("nobody has joined: call join() first");
    return this.#person;
  }

  async hearGreeting(): Promise<void> {
    const { atMs } = await this.person.hears(isVoice, greetingTimeoutMs, "the greeting", 0);
    this.#timeline.note("agent", "is heard: the greeting begins", atMs);
    await this.#hearOut("greeting heard", atMs);
  }

  /** Asks and hears the answer to its end. */
  async ask(question: string): Promise<void> {
    const { lastPacketAtMs } = await this.#say(question);
    const atMs = await this.#hearAnswer(lastPacketAtMs);
    await this.#hearOut("answer heard", atMs);
  }

  /** Asks, lets the agent talk for a while, and talks over it. */
  async interrupt(question: string, interruption: string): Promise<void> {
    const { lastPacketAtMs } = await this.#say(question);
    const answeredAtMs = await this.#hearAnswer(lastPacketAtMs);
    await this.person.hears(({ atMs }) => atMs >= answeredAtMs + patienceMs, answerTimeoutMs, "more of the answer");
    this.#check("second answer heard, as far as it went", answeredAtMs);
    const { firstPacketAtMs, lastPacketAtMs: overAtMs } = await this.#say(interruption);
    const lastVoice = this.person.frames(firstPacketAtMs).filter((frame) => isVoice(frame) && frame.atMs < overAtMs);
    const talkOverMs = (lastVoice.at(-1)?.atMs ?? firstPacketAtMs) - firstPacketAtMs;
    const detail = `silent ${talkOverMs.toFixed(0)} ms after the first sound of the interruption`;
    this.found({ what: "interrupted, it falls silent", passed: talkOverMs <= longestTalkOverMs, detail });
    this.#timeline.note("agent", detail, firstPacketAtMs + talkOverMs);
    await this.#hearOut("answer to the interruption heard", await this.#hearAnswer(overAtMs));
  }

  /** What the agent told the people in the call of itself: its states, and that it was cut off. */
  checkTold(): void {
    const { told } = this.person;
    const states = new Set(told.flatMap((event) => (event.type === "agent.state" ? [event.state] : [])));
    const missing = (["listening", "thinking", "speaking"] as const).filter((state) => !states.has(state));
    const isCut = told.some((event) => event.type === "agent.caption" && event.interrupted);
    const detail = `${told.length} custom events${missing.length > 0 ? `, none of them ${missing.join(" or ")}` : ""}`;
    this.found({
      what: "people in the call see what it does",
      passed: missing.length === 0 && isCut,
      detail: isCut ? detail : `${detail}, none that it was interrupted`,
    });
  }

  /** The caller hangs up, the host ends the call, the agent's process ends by itself. */
  async end(): Promise<void> {
    await this.#person?.leave();
    this.#timeline.note("caller", "left");
    await this.#streamClient.video.call("default", this.id).end();
    this.#timeline.note("host", "ended the call");
    const stopped = await this.#cloud.log.waitFor(
      ({ type }) => type === "task.stopped",
      taskEndTimeoutMs,
      "the end of the agent's task",
    );
    const { exitCode } = stopped.data;
    this.found({ what: "its task ended by itself", passed: exitCode === 0, detail: `exit code ${exitCode}` });
  }

  found(finding: Finding): void {
    this.#checks.push(() => finding);
  }

  /** To be called when the call is over: comparing sounds takes a while, and the call shares this process. */
  findings(): Finding[] {
    return this.#checks.map((check) => check());
  }

  /** Left what the caller said, right what they heard, of equal length. */
  bothSides(): [Int16Array, Int16Array] {
    const person = this.#person;
    return person ? [person.said(), person.heard()] : [silence(0), silence(0)];
  }

  async #say(text: string) {
    // Nobody listens to words in the local cloud: its mind is told what the next utterance says.
    this.#cloud.openai.mind.willHear(text);
    this.#timeline.note("caller", `says: ${text}`);
    return this.person.say(withoutSilence(await speak(text, { voice: "rms" })));
  }

  async #hearAnswer(askedUntilMs: number): Promise<number> {
    // The model cannot have begun yet: it waits for half a second of silence.
    this.#generatedBefore = this.#generated().length;
    const { atMs } = await this.person.hears(isVoice, answerTimeoutMs, "an answer", askedUntilMs);
    const stoppedAtMs = this.#cloud.log
      .since()
      .findLast(({ type }) => type === "server.input_audio_buffer.speech_stopped")?.atMs;
    const waitedMs =
      stoppedAtMs === undefined ? "" : `, ${(atMs - stoppedAtMs).toFixed(0)} ms after the model took its turn`;
    this.#timeline.note(
      "agent",
      `is heard ${(atMs - askedUntilMs).toFixed(0)} ms after the caller's last sound${waitedMs}`,
      atMs,
    );
    return atMs;
  }

  async #hearOut(what: string, fromMs: number): Promise<void> {
    const last = await this.person.hearsSilence(endOfAnswerMs, longestAnswerMs, "the end of what the agent says");
    this.#timeline.note("agent", `stops after ${(((last?.atMs ?? fromMs) - fromMs) / 1_000).toFixed(1)} s`, last?.atMs);
    this.#check(what, fromMs);
  }

  #check(what: string, fromMs: number): void {
    const generated = this.#generated().subarray(this.#generatedBefore);
    const received = this.person.heard(fromMs - 200, epochMs());
    this.#checks.push(() => {
      const { heard, score } = findIn(received, generated);
      return {
        what,
        passed: heard,
        detail: `likeness ${score.toFixed(2)} of what was received and what the model said`,
      };
    });
  }

  #generated(): Int16Array {
    return this.#cloud.openai.sessions().at(-1)?.outputRecord.pcm() ?? silence(0);
  }
}

/** Plays the call; what goes wrong on the way is a finding, and the call is ended in any case. */
export const holdCall = async (call: Call): Promise<Finding[]> => {
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      call.found({ what, passed: false, detail: messageOf(error) });
    }
  };
  await attempt("the call went as planned", async () => {
    await call.create();
    await call.join();
    await call.hearGreeting();
    await call.ask("Who are you, and who invited you?");
    await call.interrupt("How does all of this work?", "Thank you, that is enough for today. Goodbye!");
    call.checkTold();
  });
  await attempt("the call was ended", () => call.end());
  return call.findings();
};
