import fc from "fast-check";
import { expect, it } from "vitest";
import { normalizeSession } from "../../bridge-task/realtime/session/config.ts";
import {
  type KnownKeys,
  legacyPaths,
  type SessionUpdate,
  sessionKeys,
  toolKeys,
} from "../../bridge-task/realtime/session/keys.ts";
import { normalizeItem } from "../../bridge-task/realtime/wire/items.ts";
import { normalizeResponse, type ResponseRequest } from "../../bridge-task/realtime/wire/responses.ts";
import { defaultConfig, responseShape, updateConfig } from "../cloud/openai/config.ts";
import { checkItem } from "../cloud/openai/items.ts";

const anything = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withTypedArray: true, withNullPrototype: true }),
  fc.constantFrom("audio", "text", ["text", "audio"], "pcm16", Number.NaN, () => 1, null, undefined),
);
const strangeKey = fc.constantFrom("gain", "Voice", "session", "__proto__", "constructor", "toString", "0", "");

/** Known keys, unknown ones beside them at every level, and any value below. */
const treeOf = (known: KnownKeys): fc.Arbitrary<Record<string, unknown>> => {
  const below = Object.entries(known).map(([key, rest]) => {
    const value = rest === "value" ? anything : fc.oneof({ weight: 3, arbitrary: treeOf(rest) }, anything);
    return [key, value] as const;
  });
  const strange = fc.dictionary(strangeKey, anything, { maxKeys: 2 });
  return fc
    .record({ tree: fc.record(Object.fromEntries(below), { requiredKeys: [] }), strange })
    .map(({ tree, strange: more }) => Object.fromEntries([...Object.entries(tree), ...Object.entries(more)]));
};
const toolOf = (type: "function" | "mcp") =>
  fc.tuple(treeOf(toolKeys[type]), fc.constantFrom(type, undefined)).map(([tool, named]) => ({ ...tool, type: named }));
const tool = fc.oneof(toolOf("function"), toolOf("mcp"), anything);
const legacy = fc.record(
  Object.fromEntries([...Object.keys(legacyPaths), "temperature"].map((key) => [key, anything])),
  { requiredKeys: [] },
);
const update = fc
  .record({
    tree: treeOf(sessionKeys),
    old: legacy,
    tools: fc.option(fc.array(tool, { maxLength: 4 }), { nil: undefined }),
  })
  .map(({ tree, old, tools }) => ({ ...tree, ...old, ...(tools ? { tools } : {}) }));

const expectKnown = (value: unknown, known: KnownKeys | "value" | undefined, path: string): void => {
  expect(known, path).toBeDefined();
  if (known === "value" || known === undefined || typeof value !== "object" || value === null || Array.isArray(value))
    return;
  for (const [key, below] of Object.entries(value)) {
    expectKnown(below, Object.hasOwn(known, key) ? known[key] : undefined, `${path}.${key}`);
  }
};

it("an update never has a key that the server does not know, and arrives as it was sent", () => {
  fc.assert(
    fc.property(update, fc.boolean(), (asked, voiceHeard) => {
      const { session, warnings } = normalizeSession(asked as SessionUpdate, { voiceHeard });
      expectKnown(session ?? {}, sessionKeys, "session");
      for (const each of Array.isArray(session?.tools) ? session.tools : []) {
        const type = (each as { type?: string }).type;
        if (type === "function" || type === "mcp") expectKnown(each, toolKeys[type], "tool");
      }
      if (session) expect(JSON.parse(JSON.stringify(session))).toEqual(session);
      if (voiceHeard) expect(session?.audio?.output?.voice).toBeUndefined();
      expect(session?.model).toBeUndefined();
      for (const warning of warnings) expect(warning).toMatch(/\.$/);
    }),
    { numRuns: 800 },
  );
});

it("a normalized update stays as it is when it is normalized again", () => {
  fc.assert(
    fc.property(update, (asked) => {
      const { session } = normalizeSession(asked as SessionUpdate, { voiceHeard: false });
      if (session === undefined) return;
      expect(normalizeSession(session, { voiceHeard: false })).toEqual({ session, warnings: [] });
    }),
    { numRuns: 400 },
  );
});

it("what the application asked with is not changed", () => {
  fc.assert(
    fc.property(
      fc.object({ key: fc.constantFrom(...Object.keys(sessionKeys), ...Object.keys(legacyPaths)) }),
      (asked) => {
        const before = structuredClone(asked);
        normalizeSession(asked as SessionUpdate, { voiceHeard: true });
        normalizeResponse(asked as ResponseRequest, { voiceHeard: true });
        expect(asked).toEqual(before);
      },
    ),
  );
});

/** Values that are each of the right kind, in combinations that the server refuses whole. */
const number = (...values: number[]) => fc.constantFrom(...values);
const some = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
const plausibleTool = some({
  type: fc.constant("function"),
  name: fc.constantFrom("look", "ticket", ""),
  description: fc.constant("?"),
  parameters: fc.constant({ type: "object" }),
  strict: fc.boolean(),
});
const plausible = {
  instructions: fc.constantFrom("", "Be brief."),
  modalities: fc.subarray(["text", "audio"]),
  output_modalities: fc.subarray(["text", "audio"]),
  max_response_output_tokens: number(-1, 0, 1.5, 200, 5_000, Number.POSITIVE_INFINITY, Number.NaN),
  max_output_tokens: fc.constantFrom<unknown>("inf", 0, 1, 4_097),
  voice: fc.constantFrom("alloy", "someone's"),
  temperature: number(0.8),
  tools: fc.array(plausibleTool, { maxLength: 4 }),
};
const format = fc.constantFrom("pcm16", "g711_ulaw", { type: "audio/pcm", rate: 24_000 }, { type: "audio/pcmu" });
const plausibleUpdate = some({
  ...plausible,
  speed: number(-1, 0.1, 1, 2, Number.NaN),
  input_audio_format: format,
  output_audio_format: format,
  turn_detection: fc.option(
    some({
      type: fc.constantFrom("server_vad", "semantic_vad"),
      threshold: number(0.5),
      silence_duration_ms: number(500),
      prefix_padding_ms: number(300),
      idle_timeout_ms: number(9_000),
      eagerness: fc.constantFrom("low", "auto"),
      create_response: fc.boolean(),
      wait: fc.boolean(),
    }),
  ),
  tracing: fc.constantFrom(null, "auto", { workflow_name: "x", colour: "red" }),
});

it("the local server takes every update of plausible settings, in any combination", () => {
  fc.assert(
    fc.property(plausibleUpdate, fc.boolean(), fc.constantFrom(null, "auto"), (asked, voiceLocked, tracing) => {
      const current = { ...defaultConfig("sess_1", "gpt-realtime-2.1", 0), tracing };
      const { session } = normalizeSession(asked as SessionUpdate, { voiceHeard: voiceLocked, tracing });
      if (session !== undefined) expect(updateConfig(current, session, { voiceLocked })).not.toHaveProperty("problem");
    }),
    { numRuns: 2_000 },
  );
});

it("the local server takes every response of plausible parameters", () => {
  const asked = some({ ...plausible, output_audio_format: format, conversation: fc.constantFrom("auto", "none") });
  fc.assert(
    fc.property(asked, (parameters) => {
      const response = normalizeResponse(parameters as ResponseRequest).parameters;
      expect(responseShape(response ?? {}, "response")).toBeUndefined();
    }),
  );
});

it("the local server takes every item of old or new parts that has words", () => {
  const samples = fc.constantFrom<unknown>(Int16Array.of(1, 2), new ArrayBuffer(4), Uint8Array.of(1, 2), "AAAA");
  const words = fc.constantFrom("", "hello");
  const text = fc.record({ type: fc.constantFrom("text", "input_text"), text: words });
  const said = fc.record({ type: fc.constantFrom("text", "output_text"), text: words });
  const sound = fc.record({
    type: fc.constantFrom("audio", "output_audio"),
    transcript: fc.option(words),
    audio: samples,
  });
  const heard = fc.record({ type: fc.constant("input_audio"), audio: samples });
  const message = (role: string, parts: fc.Arbitrary<object>) =>
    fc.record({ type: fc.constantFrom("message", undefined), role: fc.constant(role), content: fc.array(parts) });
  const item = fc.oneof(
    message("user", fc.oneof(text, heard)),
    message("system", text),
    message("assistant", fc.oneof(said, sound)),
    fc.record({ type: fc.constant("function_call_output"), call_id: fc.constant("call_1"), output: fc.jsonValue() }),
    fc.record({ type: fc.constant("function_call"), name: fc.constant("look"), arguments: fc.object() }),
  );
  fc.assert(
    fc.property(item, (asked) => {
      expect(checkItem(JSON.parse(JSON.stringify(normalizeItem(asked).item)))).toBeUndefined();
    }),
  );
});
