import type { Reply, Rule, Voicebox } from "../../cloud/openai/index.ts";
import { toneVoicebox } from "../../cloud-tests/openai-fixture.ts";
import type { Agent } from "../client-fixture.ts";
import type { Dice } from "./dice.ts";

const words = "the red fox asked what time it was and nobody in the house could tell".split(" ");

export const sentence = (dice: Dice): string =>
  `${Array.from({ length: dice.int(1, 6) }, () => dice.pick(words)).join(" ")}.`;

/** Sound as long as the text, cut from one piece (making it anew each time would be most of the run's work), and no whole number of frames. */
export const quickVoicebox = async (): Promise<Voicebox> => {
  const sound = await toneVoicebox.speech("x".repeat(90), "marin");
  const first = (sampleCount: number) => sound.subarray(0, Math.min(sampleCount, sound.length));
  return {
    speech: async (text) => first(751 * text.length),
    signal: (_name, durationMs = 500) => first(24 * durationMs),
  };
};

/** Tools that work, fail, are not there, or are answered by the application itself; some with arguments that are not JSON. */
const callOf = (dice: Dice): NonNullable<Reply["toolCalls"]>[number] => {
  const name = dice.weighted({ quick: 4, slow: 6, broken: 2, silent: 1, huge: 0.3, by_hand: 2, nobody: 1 });
  const note = sentence(dice);
  if (dice.chance(0.08)) return { name, arguments: `{"note": "${note}` };
  return { name, arguments: { note, delayMs: dice.int(0, 25) } };
};

const replyOf = (dice: Dice, callChance: number): Reply => {
  const callCount = dice.chance(callChance) ? dice.int(1, 3) : 0;
  const isSpoken = callCount === 0 || dice.chance(0.4);
  return {
    ...(isSpoken ? { text: Array.from({ length: dice.int(1, 3) }, () => sentence(dice)).join(" ") } : {}),
    toolCalls: Array.from({ length: callCount }, () => callOf(dice)),
    ...(dice.chance(0.2) ? { delayMs: dice.int(1, 10) } : {}),
  };
};

/** A mind that makes each reply up when it is asked. */
export const randomRules = (dice: Dice): Rule[] => [
  {
    when: { after: "tool" },
    get reply() {
      return replyOf(dice, 0.2);
    },
  },
  {
    get reply() {
      return replyOf(dice, 0.35);
    },
  },
];

/** What a planned refusal says, so that it is told from errors that nobody planned. */
export const plannedCodes = { update: "refused_on_purpose", response: "rate_limit_exceeded" } as const;

/** Other manners of the server's; and with some luck, something goes wrong with what comes next. */
export const changeWeather = ({ settings, faults }: Agent["cloud"], dice: Dice): void => {
  settings.paceFactor = dice.pick([40, 100, 400, 4_000]);
  settings.firstAudioMs = dice.pick([0, 0, 5]);
  settings.responseCreatedAfterMs = dice.pick([0, 0, 3]);
  settings.argumentDeltaMs = dice.pick([0, 0, 2]);
  settings.itemDoneFirst = dice.chance(0.5);
  settings.duplicateTranscriptions = dice.chance(0.3);
  settings.unknownEvents = dice.chance(0.3);
  settings.errorsNameEvents = dice.chance(0.95);
  settings.transcription = dice.chance(0.3) ? "after_response" : { afterMs: dice.int(0, 8) };
  if (dice.chance(0.15)) faults.nextResponse({ createdAfterMs: dice.int(1, 15) });
  if (dice.chance(0.3)) faults.nextResponse({ lateDeltas: dice.int(1, 4) });
  if (dice.chance(0.004)) faults.nextResponse({ serverErrorAfterMs: dice.int(50, 500) });
  if (dice.chance(0.01)) faults.refuseNext({ type: "session.update", error: { code: plannedCodes.update } });
  if (dice.chance(0.002)) faults.refuseNext({ type: "response.create", error: { code: plannedCodes.response } });
};
