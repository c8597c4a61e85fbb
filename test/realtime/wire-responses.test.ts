import { expect, it } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { normalizeResponse, type ResponseRequest } from "../../bridge-task/realtime/wire/responses.ts";

const normalize = (asked: unknown, voiceHeard = false) => normalizeResponse(asked as ResponseRequest, { voiceHeard });
const output = (settings: object) => ({ audio: { output: settings } });

it.each<[string, object, object]>([
  ["modalities", { modalities: ["text", "audio"] }, { output_modalities: ["audio"] }],
  ["voice", { voice: "alloy" }, output({ voice: "alloy" })],
  ["output format", { output_audio_format: "pcm16" }, output({ format: { type: "audio/pcm", rate: 24_000 } })],
  ["longest answer", { max_response_output_tokens: 300 }, { max_output_tokens: 300 }],
])("an old flat key is moved: %s", (_name, asked, parameters) => {
  expect(normalize(asked)).toEqual({ parameters, warnings: [] });
});

it("today's keys pass as they are", () => {
  const parameters = {
    instructions: "Greet.",
    conversation: "none",
    metadata: { topic: "greeting" },
    input: [{ type: "item_reference", id: "item_1" }],
    tool_choice: { type: "function", name: "look" },
    tools: [{ type: "function", name: "look" }],
    output_modalities: ["text"],
  };
  expect(normalize(parameters)).toEqual({ parameters, warnings: [] });
});

it("what the server would refuse is left out and named", () => {
  const asked = {
    ...{ temperature: 1, max_output_tokens: 9_999, speed: 1.2, turn_detection: null, tools: [{}], nonsense: 1 },
    ...output({ format: { type: "audio/pcmu" }, voice: "alloy" }),
  };
  expect(normalize(asked, true)).toEqual({
    parameters: undefined,
    warnings: [
      "temperature is gone from the Realtime API and was left out.",
      "audio.output.format was left out: a call is carried as 24 kHz PCM, and the caller hears no difference.",
      "audio.output.voice was left out: the voice cannot change once the agent has spoken.",
      'max_output_tokens was left out: it must be a whole number from 1 to 4096, or "inf", and was 9999.',
      "tools[0] was left out: a tool needs a name.",
      "tools was left out: none of them can be used.",
      "Unknown response settings were left out: speed, turn_detection, nonsense.",
    ],
  });
});

it("its own input is made of items as the server takes them", () => {
  const asked = {
    input: [
      { role: "user", content: [{ type: "input_audio", audio: Int16Array.of(1) }] },
      { type: "message", role: "assistant", content: [{ type: "audio" }] },
    ],
  };
  expect(normalize(asked)).toEqual({
    parameters: {
      input: [
        { type: "message", role: "user", content: [{ type: "input_audio", audio: "AQA=" }] },
        { type: "message", role: "assistant", content: [] },
      ],
    },
    warnings: [
      "input[1].content[0]: audio cannot be put into the assistant's mouth; it has no transcript and was left out.",
    ],
  });
  expect(normalize({ input: [] })).toEqual({ parameters: { input: [] }, warnings: [] });
});

it("asks for no more than a response where nothing is left", () => {
  for (const asked of [undefined, null, {}, { instructions: undefined }, { audio: {} }]) {
    expect(normalize(asked)).toEqual({ parameters: undefined, warnings: [] });
  }
});

it("is refused at once where it is no object, or its input no item", () => {
  for (const asked of ["now", 1, [], { input: ["hello"] }]) {
    expect(() => normalize(asked)).toThrow(InvalidInputError);
  }
});
