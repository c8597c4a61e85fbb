import { describe, expect, it } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { normalizeItem } from "../../bridge-task/realtime/wire/items.ts";
import { encodeAudio, wireContentOf } from "../../bridge-task/realtime/wire/user-content.ts";

const message = (role: string, ...content: object[]) => ({ type: "message", role, content });
const of = (asked: unknown) => normalizeItem(asked).item;

describe("a message", () => {
  it.each([
    [
      "the user's text",
      message("user", { type: "text", text: "a" }),
      message("user", { type: "input_text", text: "a" }),
    ],
    [
      "the system's text",
      message("system", { type: "text", text: "a" }),
      message("system", { type: "input_text", text: "a" }),
    ],
    [
      "the assistant's text",
      message("assistant", { type: "text", text: "a" }),
      message("assistant", { type: "output_text", text: "a" }),
    ],
    [
      "a role without a type",
      { role: "user", content: [{ type: "input_text", text: "a" }] },
      message("user", { type: "input_text", text: "a" }),
    ],
    [
      "an image",
      message("user", { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "low" }),
      message("user", { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "low" }),
    ],
  ])("of %s", (_name, asked, sent) => {
    expect(normalizeItem(asked)).toEqual({ item: sent, warnings: [] });
  });

  it("carries samples as base64, whatever they come in", () => {
    const bytes = Uint8Array.of(1, 0, 2, 0);
    for (const audio of [Int16Array.of(1, 2), bytes, bytes.buffer, "AQACAA=="]) {
      expect(of(message("user", { type: "input_audio", audio }))).toEqual(
        message("user", { type: "input_audio", audio: "AQACAA==" }),
      );
      expect(wireContentOf({ type: "input_audio", audio })).toEqual({ type: "input_audio", audio: "AQACAA==" });
    }
    expect(encodeAudio(Int16Array.of(7, 1, 2).subarray(1))).toBe("AQACAA==");
    expect(encodeAudio(Uint8Array.of(1, 0, 2).buffer)).toBe("AQAC");
  });

  it("of what the assistant once said carries its words: sound cannot be put into its mouth", () => {
    const asked = message(
      "assistant",
      { type: "audio", transcript: "Good day.", audio: "AAAA", ga_type: "output_audio" },
      { type: "output_audio", transcript: null },
    );
    expect(normalizeItem(asked)).toEqual({
      item: message("assistant", { type: "output_text", text: "Good day." }),
      warnings: [
        "content[0]: audio cannot be put into the assistant's mouth; its transcript stands as text.",
        "content[1]: audio cannot be put into the assistant's mouth; it has no transcript and was left out.",
      ],
    });
  });

  it("of our own view of a conversation goes without what only the view has", () => {
    const item = { id: "item_1", ...message("user", { type: "input_text", text: "a" }), formatted: { text: "a" } };
    expect(of(item)).toEqual({ id: "item_1", ...message("user", { type: "input_text", text: "a" }) });
  });

  it("stays as it is where only the server can say what is wrong", () => {
    for (const asked of [
      { type: "message", role: "user" },
      message("user", { type: "input_hologram" }),
      { type: "message", role: "user", content: ["hello"] },
      { type: "mcp_approval_response", approve: true },
      {},
    ]) {
      expect(normalizeItem(asked)).toEqual({ item: asked, warnings: [] });
    }
  });
});

describe("a tool's", () => {
  const output = (value: unknown) => of({ type: "function_call_output", call_id: "c", output: value });
  it.each([
    ["text", "as it is", "as it is"],
    ["object", { a: [1] }, '{"a":[1]}'],
    ["nothing", undefined, "null"],
    ["function", () => 1, "null"],
    ["number", 0, "0"],
  ])("output is text: %s", (_name, value, text) => {
    expect(output(value)).toEqual({ type: "function_call_output", call_id: "c", output: text });
  });

  it("output that no JSON can carry is refused at once", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const value of [circle, 1n]) expect(() => output(value)).toThrow(InvalidInputError);
  });

  it("arguments are text too", () => {
    expect(of({ type: "function_call", name: "look", arguments: { a: 1 } })).toMatchObject({ arguments: '{"a":1}' });
    expect(of({ type: "function_call", name: "look" })).toMatchObject({ arguments: "{}" });
  });
});

it("what is no item is refused at once", () => {
  for (const asked of [undefined, null, "hello", 1, [message("user")]]) {
    expect(() => normalizeItem(asked)).toThrow(InvalidInputError);
  }
});
