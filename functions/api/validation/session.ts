import * as v from "valibot";
import { anyObject, atLeast, exact, flag, listOf, oneOf, optional, text } from "./schema.ts";
import { maxTools } from "./tools.ts";

/** Instructions may be long, and no longer: with the rest they must fit into the stored assignment. */
export const maxInstructionsBytes = 48 * 1024;

const modalitiesMend = 'must be ["audio"] or ["text"]';
const modalities = v.pipe(listOf(oneOf(["audio", "text"]), modalitiesMend, 2), v.nonEmpty(modalitiesMend));
const tokenMend = 'must be a whole number from 1 to 4096, or "inf"';
const tokenLimit = v.union(
  [v.literal("inf"), v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4_096))],
  tokenMend,
);
const word = text("must be a text");
const number = v.pipe(v.number("must be a number"), v.finite("must be a number that is not endless"));
const objectOrNull = (what: string) => v.nullable(anyObject(`must be an object of ${what}, or null`));
const wordOrObject = (mend: string) => v.union([v.string(), anyObject(mend)], mend);
const audioFormat = wordOrObject(
  'must be "pcm16" or { "type": "audio/pcm", "rate": 24000 }: a call is carried as 24 kHz PCM',
);
const voice = wordOrObject('must be the name of a voice, such as "marin", or { "id": … }');
const transcription = objectOrNull('transcription, such as { "model": "gpt-transcribe" }');
const turnDetection = objectOrNull('turn detection, such as { "type": "server_vad" }');
const noiseReduction = objectOrNull('noise reduction, such as { "type": "near_field" }');
const functionMend =
  "tools that are functions have no handler here: name them, or give them with a url, under tools beside session";
const sessionTool = v.pipe(
  anyObject('must be an MCP server: { "type": "mcp", "server_label": …, "server_url": … }'),
  v.check((tool) => tool.type === "mcp" || (tool.type === undefined && "server_label" in tool), functionMend),
);

/** The keys of a realtime session with the types that are certain; what a value means is for the model server to judge. */
export const sessionEntries = {
  type: optional(oneOf(["realtime"])),
  instructions: optional(text("must be a text", maxInstructionsBytes)),
  output_modalities: optional(modalities),
  max_output_tokens: optional(tokenLimit),
  tools: optional(listOf(sessionTool, "must be a list of MCP servers", maxTools)),
  tool_choice: optional(wordOrObject('must be "auto", "none", "required" or an object that names a tool')),
  parallel_tool_calls: optional(flag),
  reasoning: optional(objectOrNull('reasoning, such as { "effort": "low" }')),
  prompt: optional(objectOrNull('a stored prompt, such as { "id": … }')),
  tracing: optional(v.nullable(wordOrObject('must be "auto", null or an object of tracing settings'))),
  truncation: optional(wordOrObject('must be "auto", "disabled" or an object of truncation settings')),
  include: optional(v.nullable(listOf(word, "must be a list of names", 128))),
  audio: optional(
    exact(
      {
        input: optional(
          exact(
            {
              format: optional(audioFormat),
              noise_reduction: optional(noiseReduction),
              transcription: optional(transcription),
              turn_detection: optional(turnDetection),
            },
            "must be an object of settings of what is heard",
          ),
        ),
        output: optional(
          exact(
            { format: optional(audioFormat), voice: optional(voice), speed: optional(number) },
            "must be an object of settings of what is said",
          ),
        ),
      },
      'must be { "input": { … }, "output": { … } }',
    ),
  ),
  // The flat keys of the old Realtime client; the bridge moves them to where they live today.
  modalities: optional(modalities),
  voice: optional(voice),
  speed: optional(number),
  input_audio_format: optional(audioFormat),
  output_audio_format: optional(audioFormat),
  input_audio_transcription: optional(transcription),
  input_audio_noise_reduction: optional(noiseReduction),
  turn_detection: optional(turnDetection),
  max_response_output_tokens: optional(tokenLimit),
  temperature: optional(number),
};

const mend = 'must be an object of session settings, such as { "instructions": "You are …" }';

/** A session that starts: a key that nobody knows is a slip of the pen. */
export const startingSession = exact(sessionEntries, mend, {
  model: 'model beside session: { "model": …, "session": { … } }',
  greeting: 'greeting beside session: { "greeting": …, "session": { … } }',
});

/** A change of a session that runs: what cannot be applied is told by the agent, key by key, and the rest is applied. */
export const changedSession = atLeast(sessionEntries, mend);
