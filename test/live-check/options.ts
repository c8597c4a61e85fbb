import { parseArgs } from "node:util";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";
import type { LiveService } from "../live/keys.ts";

export const usage = `Usage: npm run live-check -- [options]

Holds one short call with the real Stream and OpenAI, and tells which of the assumptions hold that this repository makes of
them. Needs STREAM_API_KEY, STREAM_API_SECRET and OPENAI_API_KEY, from .env or the environment.

  --only NAME   stream or openai: the other one is left out, and needs no keys
  --json FILE   where the report is written; default: out/live-check-<time>.json
  --yes         does not ask before it spends money
  --help        prints this

Exit code: 0 all holds or was not seen, 1 something differs, 2 wrong arguments or keys, 3 the call could not be held to its end.
`;

export interface Options {
  services: LiveService[];
  json: string;
  isAgreed: boolean;
  help: boolean;
}

const isService = (name: string): name is LiveService => name === "stream" || name === "openai";

/** Throws InvalidInputError. */
export const readOptions = (args: readonly string[], now: Date): Options => {
  let values: { only?: string; json?: string; yes?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        json: { type: "string" },
        yes: { type: "boolean" },
        help: { type: "boolean" },
      },
    }));
  } catch (cause) {
    throw new InvalidInputError(`${messageOf(cause)}\n\n${usage}`, { cause });
  }
  const { only, json, yes = false, help = false } = values;
  if (only !== undefined && !isService(only)) {
    throw new InvalidInputError(`--only takes stream or openai, not "${only}".\n\n${usage}`);
  }
  return {
    services: only === undefined ? ["stream", "openai"] : [only],
    json: json ?? `out/live-check-${now.toISOString().replace(/[:.]/g, "-")}.json`,
    isAgreed: yes,
    help,
  };
};

/**
 * Prices of September 2026 for gpt-realtime-2.1: a minute of the agent's voice 0.077 USD, of a person's 0.019, and each response
 * reads the conversation again. A run has about a minute of each.
 */
const openAiCost =
  "It talks to gpt-realtime-2.1 for about a minute and a half: about 0.15 USD, and below 0.50 USD in any case.";
const streamCost =
  "In your Stream app it makes two calls and four users named live-check-…, and deletes them again. Three of them are in a call for a minute or two.";

export const costOf = (services: readonly LiveService[]): string =>
  [...(services.includes("openai") ? [openAiCost] : []), ...(services.includes("stream") ? [streamCost] : [])].join(
    "\n",
  );
