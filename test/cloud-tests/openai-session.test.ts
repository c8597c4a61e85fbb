import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { EventLog } from "../cloud/event-log.ts";
import { Mind } from "../cloud/openai/mind.ts";
import { Session } from "../cloud/openai/session.ts";
import { defaultSettings, FaultPlan } from "../cloud/openai/settings.ts";
import { loadVoiceDetection, type VoiceDetector } from "../cloud/openai/vad.ts";
import { at, chirp, silence, toneVoicebox, type Wire } from "./openai-fixture.ts";

let createDetector: () => VoiceDetector;
beforeAll(async () => {
  createDetector = await loadVoiceDetection();
});

/** A session with no network around it, and everything that it sent. */
const openSession = () => {
  const events: Wire[] = [];
  const session = new Session({
    socket: { send: (text) => events.push(JSON.parse(text)), close: () => {}, terminate: () => {} },
    model: "gpt-realtime-2.1",
    log: new EventLog(),
    mind: new Mind([
      { when: { after: "tool" }, reply: { text: "Done." } },
      {
        when: { heard: "call" },
        reply: {
          toolCalls: [
            { name: "one", arguments: {} },
            { name: "two", arguments: {} },
          ],
        },
      },
      { reply: { text: "Yes. No." } },
    ]),
    voicebox: toneVoicebox,
    settings: { ...defaultSettings(), paceFactor: 200, firstAudioMs: 0, transcription: { afterMs: 1 } },
    faults: new FaultPlan(),
    detector: createDetector(),
    maxRecordedMs: 10_000,
  });
  return { session, events, receive: (event: unknown) => session.receive(JSON.stringify(event)) };
};

const pcm16 = (...parts: Int16Array[]): string =>
  Buffer.concat(parts.map((pcm) => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength))).toString("base64");

const utterance = pcm16(chirp(300), silence(600));
const onset = pcm16(chirp(200));
const itemIds = ["a", "b", "c"];

const step = fc.oneof(
  fc.constant({ type: "response.create" }),
  fc.constant({ type: "response.create", response: { conversation: "none", output_modalities: ["text"] } }),
  fc.constant({ type: "response.cancel" }),
  fc.constant({ type: "input_audio_buffer.append", audio: utterance }),
  fc.constant({ type: "input_audio_buffer.append", audio: onset }),
  fc.constant({ type: "input_audio_buffer.commit" }),
  fc.constant({ type: "input_audio_buffer.clear" }),
  fc.record({
    type: fc.constant("conversation.item.create"),
    item: fc.record({
      id: fc.constantFrom(...itemIds),
      type: fc.constant("message"),
      role: fc.constant("user"),
      content: fc.constant([{ type: "input_text", text: "call" }]),
    }),
  }),
  fc.record({ type: fc.constant("conversation.item.delete"), item_id: fc.constantFrom(...itemIds) }),
  fc.record({
    type: fc.constant("session.update"),
    session: fc.record({ type: fc.constant("realtime"), instructions: fc.string() }),
  }),
  fc.record({ type: fc.constant("wait"), ms: fc.integer({ min: 0, max: 12 }) }),
);

test("whatever a client sends: one response at a time, each with one end, and nothing of it after that", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const { session, events, receive } = openSession();
      for (const event of steps) {
        if ("ms" in event) await sleep(event.ms);
        else receive(event);
      }
      const count = (type: string) => events.filter((event) => event.type === type).length;
      const isBusy = () => count("response.created") > count("response.done");
      for (let waits = 0; waits < 500 && isBusy(); waits += 1) await sleep(2);
      session.onClosed(1000, "");
      expectInvariants(events);
    }),
    { numRuns: 60 },
  );
});

const expectInvariants = (events: readonly Wire[]): void => {
  const ended = new Set<unknown>();
  let active: unknown;
  for (const event of events) {
    const id = event.response_id ?? at(event, "response.id");
    if (id !== undefined) expect(ended).not.toContain(id);
    const isInConversation = at(event, "response.conversation_id") !== null;
    if (event.type === "response.created" && isInConversation) {
      expect(active).toBeUndefined();
      active = id;
    }
    if (event.type === "response.done") {
      ended.add(id);
      if (active === id) active = undefined;
      expect(at(event, "response.usage.total_tokens")).toBeGreaterThanOrEqual(0);
    }
  }
  const count = (type: string) => events.filter((event) => event.type === type).length;
  expect(active).toBeUndefined();
  expect(count("response.done")).toBe(count("response.created"));
  expect(count("response.output_item.done")).toBe(count("response.output_item.added"));
  expect(count("conversation.item.done")).toBe(count("conversation.item.added"));
  expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
};

test("no text that a client sends can throw, and each bad one is answered by an error", () => {
  const { session, events } = openSession();
  const type = fc.constantFrom(
    "session.update",
    "response.create",
    "conversation.item.create",
    "input_audio_buffer.append",
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.json(), fc.tuple(type, fc.dictionary(fc.string(), fc.jsonValue()))),
      (sent) => {
        const before = events.length;
        session.receive(
          typeof sent === "string" ? sent : JSON.stringify({ ...sent[1], type: sent[0], unknown_key: 1 }),
        );
        expect(events.slice(before).map((event) => event.type)).toEqual(["error"]);
      },
    ),
    { numRuns: 500 },
  );
  session.onClosed(1000, "");
});
