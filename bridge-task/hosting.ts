import { BridgeError } from "./errors.ts";

/** This process is stopped, or gets no processor, soon after it has answered a request; an agent in it would fall silent. */
export class FrozenRuntimeError extends BridgeError {
  constructor(runtime: string, cid: string) {
    const [type, id] = cid.split(":");
    super(
      "frozen_runtime",
      `connectOpenAi needs a process that lives as long as the call, and ${runtime} freezes it once the request is answered. ` +
        `Have the deployed bridge send the agent instead, by one request: POST /calls/${type}/${id}/agents (docs/migrating.md). ` +
        "Where this process does live on, pass processLivesOn: true.",
    );
  }
}

/** What a host sets in the environment of code that it freezes between requests. */
const frozenRuntimes: readonly (readonly [variable: string, runtime: string])[] = [
  ["VERCEL", "Vercel"],
  ["NETLIFY", "Netlify"],
  ["AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"],
  ["K_SERVICE", "Google Cloud Run or Functions"],
  ["FUNCTIONS_WORKER_RUNTIME", "Azure Functions"],
];

/** The name of the runtime that freezes this process between requests; undefined where none is known to. */
export const frozenRuntimeOf = (env: Readonly<Record<string, string | undefined>>): string | undefined =>
  frozenRuntimes.find(([variable]) => (env[variable] ?? "") !== "")?.[1];
