import { describe, expect, it } from "vitest";
import { repairOf, splitSession, withoutNewer } from "../../bridge-task/realtime/session/repair.ts";

const session = {
  type: "realtime" as const,
  instructions: "x",
  tools: [{ name: "a" }, { name: "b" }],
  audio: {
    input: { turn_detection: { type: "server_vad" as const, threshold: 2 }, transcription: { language: "en" } },
    output: { voice: "x", speed: 1 },
  },
};
const { audio } = session;
const each = [
  { type: "realtime", instructions: "x" },
  { type: "realtime", tools: session.tools },
  { type: "realtime", audio: { input: { turn_detection: audio.input.turn_detection } } },
  { type: "realtime", audio: { input: { transcription: audio.input.transcription } } },
  { type: "realtime", audio: { output: { voice: "x" } } },
  { type: "realtime", audio: { output: { speed: 1 } } },
];

describe("a refused update", () => {
  it.each<[string, object]>([
    ["session.audio.output.voice", { ...session, audio: { ...audio, output: { speed: 1 } } }],
    ["audio.output.voice", { ...session, audio: { ...audio, output: { speed: 1 } } }],
    ["session.tools[1].parameters", { ...session, tools: [{ name: "a" }] }],
    ["session.instructions", { type: "realtime", tools: session.tools, audio }],
    [
      "session.audio.input.turn_detection.threshold",
      { ...session, audio: { ...audio, input: { ...audio.input, turn_detection: { type: "server_vad" } } } },
    ],
    // Without its type there is no turn detection.
    [
      "session.audio.input.turn_detection.type",
      { ...session, audio: { ...audio, input: { transcription: audio.input.transcription } } },
    ],
    // What is missing cannot be taken out: the setting that misses it is.
    [
      "session.audio.input.transcription.model",
      { ...session, audio: { ...audio, input: { turn_detection: audio.input.turn_detection } } },
    ],
  ])("goes again without %s", (param, rest) => {
    expect(repairOf(session, param)).toEqual({ type: "rest", session: rest });
  });

  it.each([
    undefined,
    "",
    "session",
    "session.type",
    "session.tracing",
    "session.audio",
    "session.audio.input",
    "session.tools[7]",
    "toString",
  ])("goes again setting by setting where %s names none", (param) => {
    expect(repairOf(session, param)).toEqual({ type: "split", sessions: each });
  });

  it("is lost where there is no more than what was refused", () => {
    const single = { type: "realtime" as const, audio: { output: { voice: "x" } } };
    for (const param of [undefined, "session.audio.output.voice", "session.tracing"]) {
      expect(repairOf(single, param)).toEqual({ type: "lost" });
    }
  });
});

it("an update split into its settings is whole again when they are put together", () => {
  expect(splitSession(session)).toEqual(each);
  expect(splitSession({ type: "realtime" })).toEqual([]);
});

it("what a newer update sets is not set back, setting by setting", () => {
  const newer = {
    type: "realtime" as const,
    instructions: "y",
    audio: { input: { turn_detection: { type: "semantic_vad" as const } }, output: { voice: "z" } },
  };
  expect(withoutNewer(session, newer)).toEqual({
    type: "realtime",
    tools: session.tools,
    audio: { input: { transcription: audio.input.transcription }, output: { speed: 1 } },
  });
  expect(withoutNewer(newer, newer)).toBeUndefined();
});
