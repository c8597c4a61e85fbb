import { describe, expect, it } from "vitest";
import { audio, created, done, part, Turn, withVad } from "./turn-harness.ts";

const speech = { type: "speech_started" } as const;
const completed = { type: "audio_completed", itemId: "item_1" } as const;
const truncate = (audioEndMs: number, itemId = "item_1") => ({
  type: "truncate_item",
  itemId,
  contentIndex: 0,
  audioEndMs,
});
const speaking = (ms = 1_000) => new Turn(created("r1"), audio("r1", "item_1", ms));

describe("barge-in", () => {
  it("cuts the voice and truncates to what was sent", () => {
    const turn = speaking();
    expect(turn.run(speech)).toEqual([{ type: "cut_voice" }]);
    expect(turn.cut({ receivedMs: 1_000, sentMs: 340 })).toEqual([truncate(340)]);
  });

  it("works when the response was done long before the voice was", () => {
    const turn = speaking(5_000);
    turn.run(completed, done("r1"));
    expect(turn.run(speech)).toEqual([{ type: "cut_voice" }]);
    expect(turn.cut({ receivedMs: 5_000, sentMs: 1_200 })).toEqual([truncate(1_200)]);
  });

  it("deletes an item of which nothing was sent", () => {
    const turn = speaking();
    turn.run(speech);
    expect(turn.cut({ receivedMs: 1_000, sentMs: 0 })).toEqual([{ type: "delete_item", itemId: "item_1" }]);
  });

  it("deletes an item whose audio had begun but not arrived", () => {
    const turn = new Turn(created("r1"), { type: "audio_part_added", responseId: "r1", part: part("item_1") });
    expect(turn.run(speech)).toEqual([{ type: "cut_voice" }]);
    expect(turn.cut()).toEqual([{ type: "delete_item", itemId: "item_1" }]);
  });

  it("leaves an item alone that was sent whole", () => {
    const turn = speaking();
    turn.run(completed, speech);
    expect(turn.cut({ receivedMs: 1_000, sentMs: 1_000 })).toEqual([]);
    expect(turn.cut()).toEqual([]);
  });

  it("truncates an unfinished item that the voice had caught up with: the server has more of it", () => {
    const turn = speaking();
    turn.run({ type: "voice_drained" }, speech);
    expect(turn.cut()).toEqual([truncate(1_000)]);
  });

  it("never tells of more than was received", () => {
    const turn = speaking(90);
    turn.run(speech);
    expect(turn.cut({ receivedMs: 90, sentMs: 100 })).toEqual([truncate(90)]);
  });

  it("tells nothing of parts that have no audio, such as text", () => {
    const turn = new Turn(created("r1"));
    expect(turn.run(speech)).toEqual([]);
  });

  it("drops what still arrives of the response that was cut", () => {
    const turn = speaking();
    turn.run(speech);
    turn.cut({ receivedMs: 1_000, sentMs: 20 });
    expect(turn.run(audio("r1", "item_1", 100), completed)).toEqual([]);
    expect(turn.run(done("r1", "cancelled"))).toEqual([]);
    expect(turn.types({ type: "speech_stopped" }, created("r2"), audio("r2", "item_3", 100))).toEqual(["speak"]);
  });

  it("deletes an item that begins only after its response was cut: nobody heard it", () => {
    const turn = speaking();
    turn.run(speech);
    turn.cut({ receivedMs: 1_000, sentMs: 20 });
    const late = [audio("r1", "item_2", 100), audio("r1", "item_2", 100)];
    expect(turn.run(...late)).toEqual([{ type: "delete_item", itemId: "item_2" }]);
  });

  it("cancels the response only where the server would not", () => {
    const turn = new Turn(withVad("us"), created("r1"), audio("r1", "item_1", 100));
    expect(turn.run(speech)).toEqual([{ type: "cancel_response", responseId: "r1" }, { type: "cut_voice" }]);
    expect(turn.run(audio("r1", "item_1", 100), done("r1", "cancelled"))).toEqual([]);
  });

  it("cuts when a cancelled response is all that tells of the interruption", () => {
    const turn = speaking();
    expect(turn.run(done("r1", "cancelled"))).toEqual([{ type: "cut_voice" }]);
  });

  it("counts as heard nothing that the voice did not take", () => {
    const refused = { type: "audio_refused", part: part("item_1"), sampleCount: 24_000 } as const;
    const first = speaking();
    expect(first.types(refused)).toEqual(["cancel_response", "cut_voice"]);
    expect(first.cut()).toEqual([{ type: "delete_item", itemId: "item_1" }]);
    const second = speaking(400);
    second.run(audio("r1", "item_1", 1_000), refused);
    expect(second.cut()).toEqual([truncate(400)]);
  });

  it("says each part to its end when nobody interrupts", () => {
    const turn = speaking();
    expect(turn.run(done("r1"))).toEqual([{ type: "finish_item", itemId: "item_1" }]);
    expect(turn.run({ type: "voice_drained" }, speech)).toEqual([]);
  });

  it("treats two items that wait in the voice each by what was sent of it", () => {
    const turn = speaking(500);
    turn.run(completed, audio("r1", "item_2", 500));
    turn.run(speech);
    expect(turn.cut({ receivedMs: 500, sentMs: 480 }, { itemId: "item_2", receivedMs: 500, sentMs: 0 })).toEqual([
      truncate(480),
      { type: "delete_item", itemId: "item_2" },
    ]);
  });
});

describe("a cancel that says what was heard", () => {
  const cancel = (ms: number, itemId = "item_1") =>
    ({ type: "cancel_wanted", heard: { itemId, contentIndex: 0, ms } }) as const;

  it.each([
    ["less than was sent", 200, truncate(200)],
    ["more than was sent", 900, truncate(340)],
    ["no number", Number.NaN, truncate(340)],
    ["nothing", 0, { type: "delete_item", itemId: "item_1" }],
    ["less than nothing", -5, { type: "delete_item", itemId: "item_1" }],
  ])("keeps the smaller of both: %s", (_, ms, kept) => {
    const turn = speaking();
    expect(turn.types(cancel(ms))).toEqual(["cancel_response", "cut_voice"]);
    expect(turn.cut({ receivedMs: 1_000, sentMs: 340 })).toEqual([kept]);
    turn.run(done("r1", "cancelled"), created("r2"), audio("r2", "item_2", 500), speech);
    expect(turn.cut({ itemId: "item_2", receivedMs: 500, sentMs: 400 })).toEqual([truncate(400, "item_2")]);
  });

  it("takes back more of what an interruption had cut", () => {
    const turn = speaking();
    turn.run(speech);
    turn.cut({ receivedMs: 1_000, sentMs: 340 });
    expect(turn.run(cancel(500))).toEqual([]);
    expect(turn.run(cancel(200))).toEqual([truncate(200)]);
  });

  it("takes back some of what was sent whole, and never gives it back", () => {
    const turn = speaking();
    turn.run(completed, done("r1"), { type: "voice_drained" });
    const afterTheEnd = { type: "cancel_response", responseId: undefined };
    expect(turn.run(cancel(1_500))).toEqual([afterTheEnd]);
    expect(turn.run(cancel(600))).toEqual([afterTheEnd, truncate(600)]);
    expect(turn.run(cancel(800))).toEqual([afterTheEnd]);
    expect(turn.run(cancel(0), cancel(0))).toEqual([
      afterTheEnd,
      { type: "delete_item", itemId: "item_1" },
      afterTheEnd,
    ]);
  });

  it("never touches an item of which no audio was sent, such as restored text", () => {
    const turn = speaking();
    turn.run(completed, done("r1"), { type: "voice_drained" });
    expect(turn.types(cancel(100, "restored"))).toEqual(["cancel_response"]);
  });
});
