import { setTimeout as sleep } from "node:timers/promises";
import type { SessionUpdate } from "../../../bridge-task/realtime/session/keys.ts";
import type { Session } from "../../cloud/openai/index.ts";
import { type Agent, chirp, silence } from "../client-fixture.ts";
import { Dice } from "./dice.ts";
import { changeWeather, sentence } from "./model.ts";
import { Mouth } from "./mouth.ts";
import { addRandomTools, type RandomTools } from "./tools.ts";
import { WireRecord } from "./wire-record.ts";

const utterance = chirp(240);
/** Ends what was said: longer than any silence that is set to end a turn. */
const pause = silence(320);
const quietDeadlineMs = 20_000;
/** Longer than any transcription waits. */
const stillMs = 12;
const anchorId = "item_anchor";

const text = (dice: Dice) => [{ type: "input_text" as const, text: sentence(dice) }];

const turnDetection = (dice: Dice, createResponse = dice.chance(0.9)) => ({
  type: "server_vad" as const,
  threshold: 0.5,
  prefix_padding_ms: dice.pick([0, 300]),
  silence_duration_ms: dice.pick([100, 200]),
  create_response: createResponse,
  interrupt_response: dice.chance(0.8),
});

/**
 * People, an application and a server that do things at the wrong moment, turn by turn in one session. Something opens each
 * turn, then something else comes across at a moment that is left to chance.
 */
export class RandomTurns {
  readonly record: WireRecord;
  readonly mouth: Mouth;
  /** By item, what the application said was heard of it. */
  readonly claimedMs = new Map<string, number>();
  /** Items that the application removed. */
  readonly deletedIds = new Set<string>();
  /** How often the voice still had something to say when a person had begun to. */
  talkedOverCount = 0;
  count = 0;
  readonly #agent: Agent;
  readonly #dice: Dice;
  readonly #tools: RandomTools;
  #isTalking = false;

  constructor(agent: Agent, seed: number) {
    this.#agent = agent;
    this.#dice = new Dice(seed);
    this.record = new WireRecord(agent.client);
    this.mouth = new Mouth(agent.playout);
    this.#tools = addRandomTools(agent.client, new Dice(seed + 1));
    agent.client.on("conversation.interrupted", () => {
      if (this.record.server.interrupts && agent.playout.queuedMs > 0) this.talkedOverCount += 1;
    });
    agent.client.on("conversation.item.appended", () => {
      throw new Error("An application that fails harms nobody.");
    });
  }

  get server(): Session {
    const [session] = this.#agent.cloud.sessions();
    if (session === undefined) throw new Error("There is no session.");
    return session;
  }

  async begin(): Promise<void> {
    const { client, session } = this.#agent;
    client.updateSession({ turn_detection: turnDetection(this.#dice, true) });
    client.realtime.send("conversation.item.create", {
      item: { id: anchorId, type: "message", role: "system", content: text(this.#dice) },
    });
    session.audio.listen();
    await client.updatesSettled();
  }

  close(): void {
    this.mouth.close();
  }

  async turn(): Promise<void> {
    const dice = this.#dice;
    this.count += 1;
    changeWeather(this.#agent.cloud, dice);
    this.mouth.framesPerTick = dice.pick([0, 1, 2, 5, 25]);
    this.#open();
    for (let crossings = dice.pick([0, 1, 1, 1, 2]); crossings > 0; crossings -= 1) {
      await this.#moment();
      this.#cross();
    }
    if (this.#isTalking && dice.chance(0.8)) this.#stopTalking();
    if (dice.chance(0.5)) await this.#moment();
    if (dice.chance(0.25)) await this.#lull();
  }

  /** Everybody falls silent, and stays so. Rejects where something goes on for ever. */
  async quiet(): Promise<void> {
    const { client } = this.#agent;
    const deadlineMs = performance.now() + quietDeadlineMs;
    this.mouth.framesPerTick = 50;
    client.updateSession({ turn_detection: turnDetection(this.#dice, true) });
    let stillSinceMs = performance.now();
    let eventCount = -1;
    while (performance.now() - stillSinceMs < stillMs) {
      if (performance.now() > deadlineMs) throw new Error(`No end of it: ${JSON.stringify(this.pending)}`);
      if (this.pending.isSpeaking) this.#stopTalking();
      // Its answer comes after all that was on its way.
      client.updateSession({ instructions: `Quiet after turn ${this.count}.` });
      await client.updatesSettled();
      await sleep(2);
      if (!this.#isQuiet || eventCount !== this.record.eventCount) stillSinceMs = performance.now();
      eventCount = this.record.eventCount;
    }
  }

  /** What is still to come, as far as it can be seen from outside. */
  get pending() {
    const { client, session, playout } = this.#agent;
    return {
      agentState: client.agentState,
      queuedMs: playout.queuedMs,
      areUpdatesSettled: session.settings.isSettled,
      runningTools: this.#tools.runningCount,
      unansweredIds: [...this.record.unansweredIds],
      openResponses: this.record.openResponseIds.size,
      activeResponseId: this.server.activeResponse?.id,
      isSpeaking: this.server.input.isSpeaking,
    };
  }

  get #isQuiet(): boolean {
    const { agentState, queuedMs, runningTools, openResponses, activeResponseId, isSpeaking } = this.pending;
    const isIdle = agentState === "listening" && queuedMs === 0 && runningTools === 0;
    return isIdle && openResponses === 0 && activeResponseId === undefined && !isSpeaking;
  }

  /** Nearly quiet: not for sure, and not for long. */
  async #lull(): Promise<void> {
    this.mouth.framesPerTick = 25;
    for (let waits = 0; waits < 100 && !this.#isQuiet; waits += 1) {
      if (this.pending.isSpeaking) this.#stopTalking();
      await sleep(1);
    }
  }

  #open(): void {
    const { client, session } = this.#agent;
    const dice = this.#dice;
    switch (dice.weighted({ talk: 5, type: 5, ask: 1, prompt: 0.5, play: 0.3 })) {
      case "talk":
        this.#talk();
        return;
      case "type":
        client.sendUserMessageContent(text(dice));
        return;
      case "ask":
        client.createResponse(dice.chance(0.5) ? { instructions: sentence(dice) } : undefined);
        return;
      case "prompt":
        session.requests.prompt(sentence(dice));
        return;
      case "play":
        client.sendUserMessageContent([{ type: "input_audio", audio: utterance }]);
        return;
    }
  }

  /** Until the turn has come so far, or for a while where it never does. */
  async #moment(): Promise<void> {
    const { record } = this;
    const dice = this.#dice;
    switch (
      dice.weighted({ now: 2, soon: 1, created: 2, audio: 4, arguments: 2, call: 3, done: 3, speech: 1, drained: 1 })
    ) {
      case "now":
        return;
      case "soon":
        return sleep(dice.int(0, 20));
      case "created":
        return record.next("response.created");
      case "audio":
        for (let deltas = dice.int(1, 4); deltas > 0; deltas -= 1) await record.next("response.output_audio.delta");
        return;
      case "arguments":
        return record.next("response.function_call_arguments.delta");
      case "call":
        // A call's tool runs from here on.
        return record.next("response.output_item.done");
      case "done":
        return record.next("response.done");
      case "speech":
        return record.next("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped");
      case "drained":
        for (let waits = 0; waits < 20 && this.#agent.playout.queuedMs > 0; waits += 1) await sleep(1);
        return;
    }
  }

  #cross(): void {
    const { client } = this.#agent;
    const dice = this.#dice;
    const speech = { bargeIn: 10, cancel: 4, cancelHeard: 2, ask: 2, type: 2, aside: 1.5 };
    switch (dice.weighted({ ...speech, update: 3, delete: 2, deleteCall: 0.7, insert: 1, tools: 0.3, nothing: 3 })) {
      case "bargeIn":
        if (this.#isTalking) this.#stopTalking();
        else this.#talk();
        return;
      case "cancel":
        client.cancelResponse();
        this.record.cancelled();
        return;
      case "cancelHeard":
        this.#cancelHeard();
        return;
      case "ask":
        client.createResponse();
        return;
      case "type":
        client.sendUserMessageContent(text(dice));
        return;
      case "aside":
        client.createResponse({
          conversation: "none",
          metadata: { topic: "aside" },
          output_modalities: [dice.pick(["text", "audio"] as const)],
          ...(dice.chance(0.5) ? { input: [] } : {}),
        });
        return;
      case "update":
        client.updateSession(this.#update());
        return;
      case "delete":
        this.#delete();
        return;
      case "deleteCall":
        this.#deleteCall();
        return;
      case "insert":
        client.realtime.send("conversation.item.create", {
          previous_item_id: dice.pick(["root", anchorId]),
          item: { type: "message", role: "system", content: text(dice) },
        });
        return;
      case "tools":
        this.#tools.toggle();
        return;
    }
  }

  #update(): SessionUpdate {
    const dice = this.#dice;
    switch (dice.weighted({ instructions: 3, detection: 4, manual: 0.5, modality: 2, tokens: 1, old: 1 })) {
      case "instructions":
        return { instructions: sentence(dice) };
      case "detection":
        return { turn_detection: turnDetection(dice), max_output_tokens: "inf" };
      case "manual":
        return { turn_detection: null };
      case "modality":
        return { output_modalities: dice.chance(0.25) ? ["text"] : ["audio"] };
      case "tokens":
        return { max_output_tokens: dice.pick([10, 4_096]) };
      case "old":
        return { temperature: 0.8, voice: "alloy", modalities: ["text", "audio"] };
    }
  }

  /** A person begins to talk, in pieces of any length. */
  #talk(): void {
    const dice = this.#dice;
    this.#isTalking = true;
    this.#agent.cloud.mind.willHear(sentence(dice));
    const pieceSamples = dice.pick([480, 1_920, utterance.length]);
    for (let from = 0; from < utterance.length; from += pieceSamples)
      this.#agent.client.appendInputAudio(utterance.subarray(from, from + pieceSamples));
    if (dice.chance(0.5)) this.#stopTalking();
  }

  #stopTalking(): void {
    this.#isTalking = false;
    this.#agent.client.appendInputAudio(pause);
  }

  #cancelHeard(): void {
    const { client } = this.#agent;
    const spoken = client.conversation.items.findLast(
      ({ role, content }) => role === "assistant" && content.some(({ type }) => type === "audio"),
    );
    if (spoken === undefined) return;
    const ms = this.#dice.int(0, 400);
    client.cancelResponse(spoken.id, ms * 24 + this.#dice.int(0, 23));
    this.record.cancelled();
    this.claimedMs.set(spoken.id, Math.min(ms, this.claimedMs.get(spoken.id) ?? ms));
  }

  #delete(): void {
    const messages = this.#agent.client.conversation.items.filter(
      ({ id, type }) => type === "message" && id !== anchorId,
    );
    if (messages.length > 0) this.remove(this.#dice.pick(messages.slice(-8)).id);
  }

  /** A call and its output go together, or one would be left without the other. */
  #deleteCall(): void {
    const { items } = this.#agent.client.conversation;
    const output = items.find(({ type }) => type === "function_call_output");
    const call = items.find(({ type, call_id }) => type === "function_call" && call_id === output?.call_id);
    for (const item of [output, call]) if (item !== undefined) this.remove(item.id);
  }

  /** Removes the conversation, but for the item that others are put behind; then everybody falls silent, and nobody remembers it. */
  async removeAll(): Promise<void> {
    for (const { id } of this.#agent.client.conversation.getItems()) if (id !== anchorId) this.remove(id);
    await this.quiet();
    for (const remembered of [this.deletedIds, this.claimedMs, this.mouth.sentFrames]) remembered.clear();
    this.record.forgetItemsBut(anchorId);
  }

  remove(itemId: string): void {
    this.deletedIds.add(itemId);
    this.#agent.client.deleteItem(itemId);
  }
}
