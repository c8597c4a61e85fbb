import { Bridge } from "../../bridge-task/bridge.ts";
import { CallWatch } from "../../bridge-task/stream/call-watch.ts";
import { defaultTimeouts } from "../../bridge-task/stream/timeouts.ts";
import { isVoice, Person } from "../caller/person.ts";
import { epochMs } from "../cloud/event-log.ts";
import { speak } from "../support/speech.ts";
import { callType, type Stage } from "./stage.ts";
import type { Steps } from "./steps.ts";
import { checkGuest } from "./stream-steps.ts";

const joinMs = 40_000;
const turnMs = 75_000;
const firstSoundMs = 25_000;
/** A pause this long is the end of an answer, not one between its sentences. */
const endOfAnswerMs = 1_200;
const longestAnswerMs = 45_000;
const patienceMs = 2_000;
const endMs = 15_000;
const longestStayMs = 300_000;

const instructions =
  "You are on a test call. Answer in English, in one short sentence, unless you are asked for a story: then tell it at length. " +
  "When you are asked for the word of the day, call the tool word_of_the_day and say the word that it returns.";

const wordOfTheDay = {
  definition: {
    name: "word_of_the_day",
    description: "Returns the word of the day.",
    parameters: { type: "object", properties: {}, additionalProperties: false },
  },
  handler: () => ({ word: "harbour" }),
};

/** Somebody who can be heard in the call as the agent: the bridge with its model, or a played one without. */
interface Agent {
  /** Packets of the caller's that arrived. */
  heardPackets: () => number;
  /** Resolves with why it is out of the call. */
  out: Promise<string>;
  bridge?: Bridge;
  person?: Person;
  leave: () => Promise<unknown>;
}

const joinAsBridge = async (stage: Stage, onTool: (atMs: number) => void): Promise<Agent> => {
  const { keys, names, client, logger } = stage;
  const baseUrl = keys.openAiBaseUrl;
  const bridge = await Bridge.connect({
    streamClient: client,
    call: { type: callType, id: names.call },
    agentUser: { id: names.agent },
    openAi: { apiKey: keys.openAiApiKey, baseUrl },
    // Half a minute: a story that nobody interrupts has an end, and a price.
    session: { instructions, max_output_tokens: 600 },
    tools: [wordOfTheDay],
    greeting: "Greet the caller in one short sentence.",
    limits: { maxDurationMs: longestStayMs },
    logger,
  });
  let packets = 0;
  bridge.participant.on("audio", ({ userId }) => {
    if (userId === names.caller) packets += 1;
  });
  bridge.client.on("tool.finished", () => onTool(epochMs()));
  await bridge.participant.watching;
  await bridge.settle();
  const out = bridge.ended.then(({ reason }) => reason);
  return { heardPackets: () => packets, out, bridge, leave: () => bridge.end("disconnected", "over") };
};

const joinAsPerson = async (stage: Stage): Promise<Agent> => {
  const { names } = stage;
  const person = await join(stage, names.agent);
  const fromCaller = () => person.frames(0).filter(({ userId }) => userId === names.caller).length;
  const out = person
    .until(() => person.outOfCall, longestStayMs, "the end of the call")
    .then(
      (how) => /is out of the call: (\w+)/.exec(how)?.[1] ?? how,
      () => "still in the call",
    );
  return { heardPackets: fromCaller, out, person, leave: () => person.leave() };
};

const join = (stage: Stage, userId: string): Promise<Person> => {
  const { keys, names } = stage;
  const base = keys.streamBaseUrl ? { streamServerBaseUrl: keys.streamBaseUrl } : {};
  return Person.join({
    info: { streamApiKey: keys.streamApiKey, streamApiSecret: keys.streamApiSecret, ...base },
    call: { type: callType, id: names.call },
    userId,
  });
};

/** The call: a played caller and the agent, from joining to the end. `hasModel`: the agent is the bridge. */
export class Conversation {
  readonly #stage: Stage;
  readonly #steps: Steps;
  readonly #hasModel: boolean;
  #caller: Person | undefined;
  #agent: Agent | undefined;
  #toolReturnedAtMs: number | undefined;

  constructor(stage: Stage, steps: Steps, hasModel: boolean) {
    this.#stage = stage;
    this.#steps = steps;
    this.#hasModel = hasModel;
  }

  async hold(): Promise<void> {
    const steps = this.#steps;
    const { logger, names } = this.#stage;
    // Somebody who watches before anybody comes: else nobody is told that the session begins.
    const watch = new CallWatch({
      coordinator: this.#stage.coordinator(names.app),
      timeouts: defaultTimeouts,
      logger,
      onWatched: () => undefined,
      onLost: () => undefined,
      onEvent: () => undefined,
    });
    try {
      if (steps.isDone("app, users, call")) {
        watch.open();
        await watch.watching;
      }
      await steps.run({
        name: "caller joins",
        timeoutMs: joinMs,
        needs: ["app, users, call"],
        work: () => this.#callerJoins(),
      });
      await steps.run({
        name: "agent joins",
        timeoutMs: joinMs,
        needs: ["caller joins"],
        work: () => this.#agentJoins(),
      });
      const needs = ["agent joins"];
      await steps.run({ name: "agent is heard", timeoutMs: turnMs, needs, work: () => this.#hearAgent() });
      if (this.#hasModel) await this.#talk();
      await steps.run({ name: "custom event", timeoutMs: endMs, needs: ["caller joins"], work: () => this.#tell() });
      await checkGuest(this.#stage, steps);
      await steps.run({ name: "call ends", timeoutMs: endMs, needs, work: () => this.#end() });
    } finally {
      await Promise.allSettled([this.#agent?.leave(), this.#caller?.leave(), watch.close()]);
    }
  }

  async #talk(): Promise<void> {
    const turn = (name: string, work: () => Promise<unknown>) =>
      this.#steps.run({ name, timeoutMs: turnMs, needs: ["agent is heard"], work });
    await turn("question and answer", () => this.#ask());
    await turn("interruption", () => this.#interrupt());
    await turn("tool", () => this.#useTool());
  }

  get #noted() {
    return this.#stage.seen.noted;
  }

  get #person(): Person {
    if (!this.#caller) throw new Error("the caller is not in the call");
    return this.#caller;
  }

  async #callerJoins(): Promise<void> {
    this.#caller = await join(this.#stage, this.#stage.names.caller);
  }

  async #agentJoins(): Promise<void> {
    const onTool = (atMs: number) => {
      this.#toolReturnedAtMs = atMs;
    };
    this.#agent = await (this.#hasModel ? joinAsBridge(this.#stage, onTool) : joinAsPerson(this.#stage));
  }

  async #hearAgent(): Promise<void> {
    const person = this.#person;
    const agent = this.#agent;
    const { names } = this.#stage;
    const isAgents = (frame: { userId: string }) => frame.userId === names.agent;
    const first = await person.hears(isAgents, firstSoundMs, "the agent's first packet", 0);
    const announced = this.#stage.seen.frames.find(
      ({ type, user, event }) => type === "trackPublished" && user === names.caller && event.userId === names.agent,
    );
    if (announced) this.#noted.voiceAfterMs = Math.round(Math.max(0, first.atMs - announced.atMs));
    void agent?.person?.say(await speak("Hello, this is the agent of a test call."));
    await person.hears((frame) => isAgents(frame) && isVoice(frame), firstSoundMs, "the agent's voice", 0);
    this.#noted.greetingHeard = true;
    await person.hearsSilence(endOfAnswerMs, longestAnswerMs, "the end of the greeting");
    if (!this.#hasModel) await person.say(await speak("I hear you.", { voice: "rms" }));
    const callerHeard = person.frames(0).filter(isAgents).length;
    this.#noted.packets = { agentHeard: agent?.heardPackets() ?? 0, callerHeard };
  }

  async #ask(): Promise<void> {
    await this.#answered("What is the capital of France?");
    this.#noted.answerHeard = true;
    await this.#person.hearsSilence(endOfAnswerMs, longestAnswerMs, "the end of the answer");
    const { packets } = this.#noted;
    if (packets) packets.agentHeard = this.#agent?.heardPackets() ?? packets.agentHeard;
  }

  async #interrupt(): Promise<void> {
    const person = this.#person;
    const firstMs = await this.#answered("Please tell me a long story about the sea.");
    await person.hears(({ atMs }) => atMs >= firstMs + patienceMs, firstSoundMs, "more of the story");
    const { firstPacketAtMs, lastPacketAtMs } = await person.say(
      await speak("Stop, please, thank you. That is really enough for today.", { voice: "rms" }),
    );
    const voiced = person.frames(firstPacketAtMs).filter((frame) => isVoice(frame) && frame.atMs < lastPacketAtMs);
    const lastMs = voiced.at(-1)?.atMs ?? firstPacketAtMs;
    this.#noted.bargeIn = { silentAfterMs: Math.round(lastMs - firstPacketAtMs) };
    await person.hearsSilence(endOfAnswerMs * 2, longestAnswerMs, "the end of the interrupted story");
  }

  async #useTool(): Promise<void> {
    await this.#answered("What is the word of the day? Please use your tool.");
    await this.#person.hearsSilence(endOfAnswerMs * 2, longestAnswerMs, "the end of the answer");
    const returnedAtMs = this.#toolReturnedAtMs;
    this.#noted.toolCalled = returnedAtMs !== undefined;
    if (returnedAtMs === undefined) return;
    // What comes is said before the tool was called, or after it has returned.
    const said = this.#person.hears(isVoice, firstSoundMs, "what the tool found", returnedAtMs);
    this.#noted.answerAfterTool = await said.then(
      () => true,
      () => false,
    );
    await this.#person.hearsSilence(endOfAnswerMs, longestAnswerMs, "the end of the answer");
  }

  /** Says it, and resolves with when the first voice came back. */
  async #answered(text: string): Promise<number> {
    const { lastPacketAtMs } = await this.#person.say(await speak(text, { voice: "rms" }));
    return (await this.#person.hears(isVoice, firstSoundMs, `an answer to "${text}"`, lastPacketAtMs)).atMs;
  }

  async #tell(): Promise<void> {
    const { names } = this.#stage;
    const at = new Date().toISOString();
    const custom = { type: "agent.state", agent: names.agent, state: "listening", at };
    await this.#stage.call().sendCallEvent({ user_id: names.agent, custom });
    const received = () => (this.#person.told.some((event) => event.at === at) ? true : undefined);
    this.#noted.customEventReceived = await this.#person.until(received, 5_000, "the custom event").catch(() => false);
  }

  async #end(): Promise<void> {
    const already = await Promise.race([this.#agent?.out, Promise.resolve(undefined)]);
    if (already !== undefined) throw new Error(`the agent had left before: ${already}`);
    await this.#stage.call().end();
    const late = new Promise<string>((resolve) => setTimeout(resolve, endMs - 3_000, "still in the call").unref());
    const reason = await Promise.race([this.#agent?.out ?? late, late]);
    this.#noted.agentOut = { reason };
  }
}
