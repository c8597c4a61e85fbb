import {
  checkFormats,
  checkGroups,
  checkMaxTokens,
  checkModalities,
  checkTemperature,
  checkVoice,
} from "../session/checks.ts";
import { SettingsDraft } from "../session/draft.ts";
import { legacyResponseKeys, responseKeys, type SessionState } from "../session/keys.ts";
import { checkTools } from "../session/tools.ts";
import { isTree, nestLegacyKeys } from "../session/tree.ts";
import type { ResponseParameters } from "../turn/types.ts";
import { normalizeItem } from "./items.ts";

/** What `createResponse` takes: today's keys, and the beta's flat ones. */
export type ResponseRequest = ResponseParameters & {
  modalities?: ("text" | "audio")[];
  voice?: string;
  output_audio_format?: "pcm16";
  max_response_output_tokens?: number | "inf";
  /** Gone from the protocol: dropped with a warning. */
  temperature?: number;
};

export interface NormalizedResponse {
  /** What to send; undefined where nothing is asked beyond a response. */
  parameters: ResponseParameters | undefined;
  /** One sentence per setting that was left out or changed. */
  warnings: string[];
}

/**
 * The parameters of one response as the server takes them today; what it is known to refuse is left out and named.
 * Throws InvalidInputError where they are no object, or `input` holds what is no item.
 */
export const normalizeResponse = (
  asked: ResponseRequest | null | undefined,
  state: Pick<SessionState, "voiceHeard"> = { voiceHeard: false },
): NormalizedResponse => {
  const warnings: string[] = [];
  const draft = new SettingsDraft(withInput(asked ?? {}, warnings), "A response's parameters");
  checkTemperature(draft);
  draft.tree = nestLegacyKeys(draft.tree, legacyResponseKeys);
  checkGroups(draft);
  checkFormats(draft);
  checkVoice(draft, state);
  checkModalities(draft);
  checkMaxTokens(draft);
  checkTools(draft);
  draft.keepKnown(responseKeys, "response");
  const isEmpty = Object.keys(draft.tree).length === 0;
  return {
    parameters: isEmpty ? undefined : (draft.tree as ResponseParameters),
    warnings: [...warnings, ...draft.warnings],
  };
};

/** Items first: their samples become text before anything is copied. */
const withInput = (asked: unknown, warnings: string[]): unknown => {
  if (!isTree(asked) || !Array.isArray(asked.input)) return asked;
  const items = asked.input.map(normalizeItem);
  for (const [index, item] of items.entries()) {
    warnings.push(...item.warnings.map((warning) => `input[${index}].${warning}`));
  }
  return { ...asked, input: items.map(({ item }) => item) };
};
