import { AgentsApiError } from "./client-error.ts";
import type { CallAddress } from "./types.ts";

/*
 * What the client is given, checked before anything is sent: fetch and URLs would take a slip of the pen for something else, or
 * repeat a secret in their words. All of them throw AgentsApiError.
 */

const wrongOptions = (message: string): AgentsApiError =>
  new AgentsApiError({ status: 0, code: "bad_options", message: `createAgentsClient: ${message}` });

/** Takes the address of the webhook too: it is the one that people have at hand. */
export const baseOf = (url: string | undefined): string => {
  if (typeof url !== "string" || !/^https?:\/\/[^/]/.test(url)) {
    throw wrongOptions("url must be the deployment's address, https://…; is AGENTS_URL set?");
  }
  // fetch refuses such an address in words that repeat it.
  if (/^https?:\/\/[^/?#]*@/.test(url)) throw wrongOptions("url must not hold a user or a password: the key is enough");
  return url.replace(/\/+$/, "").replace(/\/webhooks\/stream$/, "");
};

export const keyOf = (key: string | undefined): string => {
  const trimmed = typeof key === "string" ? key.trim() : "";
  if (trimmed === "") throw wrongOptions("key is missing; is AGENTS_KEY set?");
  // fetch refuses such a header in words that repeat it.
  if (/[^\x21-\x7e]/.test(trimmed))
    throw wrongOptions("key has characters that no header can carry; is it AGENTS_KEY?");
  return trimmed;
};

/** Longer than that no timer waits. */
const longestTimeoutMs = 2 ** 31 - 1;

export const timeoutOf = (timeoutMs: number): number => {
  if (Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= longestTimeoutMs) return timeoutMs;
  throw wrongOptions(`timeoutMs must be a whole number from 1 to ${longestTimeoutMs}`);
};

/** What is missing would be sent as the word "undefined", a dot or two as another place, half a character not at all. */
const segmentOf = (name: string, text: unknown): string => {
  if (typeof text === "string" && !/^\.{0,2}$/.test(text) && !/\p{Surrogate}/u.test(text))
    return encodeURIComponent(text);
  const message = `${name} names nobody: give the id that the call or the agent's user has in Stream`;
  throw new AgentsApiError({ status: 0, code: "bad_address", message });
};

/** `agent`: nobody, or the user's id and which part of the agent is meant. */
export const pathOf = ({ type, id }: CallAddress, agent: readonly string[]): string => {
  const [userId, ...part] = agent;
  const ofAgent = agent.length === 0 ? [] : [segmentOf("userId", userId), ...part];
  return ["calls", segmentOf("call.type", type), segmentOf("call.id", id), "agents", ...ofAgent].join("/");
};

export const bodyOf = (content: object | undefined): string | undefined => {
  try {
    return JSON.stringify(content);
  } catch (cause) {
    const { message = String(cause) } = (cause ?? {}) as { message?: unknown };
    throw new AgentsApiError({
      status: 0,
      code: "not_json",
      message: `the request cannot be said in JSON (${message}): leave out what JSON does not know`,
      cause,
    });
  }
};
