import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type BetaServerEvents,
  betaNameOf,
  EventNames,
  gaNameOf,
  toGaEvent,
} from "../../bridge-task/realtime/event-names.ts";

const event = (type: string, more: object = {}) => ({ type, event_id: "event_1", ...more }) as RealtimeServerEvent;
const created = (id: string) => event("conversation.item.created", { item: { id, type: "message", role: "user" } });
const added = (id: string) => event("conversation.item.added", { item: { id, type: "message", role: "user" } });

it.each([
  ["conversation.item.added", "conversation.item.created"],
  ["response.output_text.delta", "response.text.delta"],
  ["response.output_text.done", "response.text.done"],
  ["response.output_audio.delta", "response.audio.delta"],
  ["response.output_audio.done", "response.audio.done"],
  ["response.output_audio_transcript.delta", "response.audio_transcript.delta"],
  ["response.output_audio_transcript.done", "response.audio_transcript.done"],
])("%s was %s", (ga, beta) => {
  expect(betaNameOf(ga)).toBe(beta);
  expect(gaNameOf(beta)).toBe(ga);
  expect(toGaEvent(event(beta, { delta: "x" }))).toMatchObject({ type: ga, delta: "x" });
});

it("leaves alone what never had another name, whatever it is called", () => {
  for (const name of ["response.done", "conversation.item.done", "nobody.knows.this", "constructor"]) {
    expect(betaNameOf(name)).toBeUndefined();
    expect(gaNameOf(name)).toBeUndefined();
    expect(toGaEvent(event(name, { response: {} }))).toEqual(event(name, { response: {} }));
  }
});

it("types each beta name with its own event", () => {
  expectTypeOf<BetaServerEvents["response.audio.delta"][0]["delta"]>().toEqualTypeOf<string>();
  expectTypeOf<BetaServerEvents["response.audio.delta"][0]["type"]>().toEqualTypeOf<"response.audio.delta">();
  expectTypeOf<BetaServerEvents["response.audio_transcript.done"][0]["transcript"]>().toEqualTypeOf<string>();
});

describe("a server that speaks the beta protocol", () => {
  const item = (type: string) => ({
    id: "item_1",
    type: "message",
    role: "assistant",
    content: [{ type, text: "hi" }],
  });

  it.each([
    ["response.output_item.done", { item: item("text") }, { item: item("output_text") }],
    ["conversation.item.created", { item: item("audio") }, { item: item("output_audio") }],
    ["response.done", { response: { output: [item("text")] } }, { response: { output: [item("output_text")] } }],
  ])("has its items' parts named as today: %s", (type, sent, understood) => {
    expect(toGaEvent(event(type, sent))).toMatchObject(understood);
  });

  it("has its session's settings where they are today, so that its turn detection is seen", () => {
    const session = { turn_detection: { type: "server_vad" }, voice: "alloy", instructions: "x" };
    expect(toGaEvent(event("session.created", { session }))).toMatchObject({
      session: {
        instructions: "x",
        audio: { input: { turn_detection: { type: "server_vad" } }, output: { voice: "alloy" } },
      },
    });
  });
});

describe("an item's two names", () => {
  it("are heard once, whichever comes first", () => {
    const names = new EventNames();
    expect(names.toGaEvent(added("a"))).toEqual(added("a"));
    expect(names.toGaEvent(created("a"))).toBeUndefined();
    expect(names.toGaEvent(created("b"))).toEqual(added("b"));
    expect(names.toGaEvent(added("b"))).toBeUndefined();
  });

  it("are heard again for an item that was deleted and put back", () => {
    const names = new EventNames();
    names.toGaEvent(added("a"));
    names.toGaEvent(event("conversation.item.deleted", { item_id: "a" }));
    expect(names.toGaEvent(created("a"))).toEqual(added("a"));
  });

  it("are remembered for the latest items only", () => {
    const names = new EventNames();
    for (let index = 0; index <= 256; index += 1) names.toGaEvent(added(`item_${index}`));
    expect(names.toGaEvent(created("item_1"))).toBeUndefined();
    expect(names.toGaEvent(created("item_0"))).toEqual(added("item_0"));
  });

  it("do not matter where an item has no id", () => {
    const names = new EventNames();
    const nameless = event("conversation.item.created", { item: { type: "message", role: "user", content: [] } });
    expect(names.toGaEvent(nameless)).toMatchObject({ type: "conversation.item.added" });
    expect(names.toGaEvent(nameless)).toMatchObject({ type: "conversation.item.added" });
  });
});
