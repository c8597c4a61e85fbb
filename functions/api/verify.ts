import type { OutgoingEvent } from "../../bridge-task/in-call/events.ts";
import { AgentsApiError } from "./client-error.ts";

export interface AgentsSignature {
  /** The body as it was received, before any parsing. */
  body: string | Uint8Array;
  /** The header `x-agents-signature`. */
  signature: string | null | undefined;
  /** The deployment's AGENTS_API_KEY. Where it is missing, no signature is good. */
  key: string | undefined;
  /** How old a signature may be, or how far ahead. Default: 300. */
  toleranceSeconds?: number;
}

const header = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;
const encoder = new TextEncoder();

const bytesOfHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: hex.length / 2 }, (_, index) => Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16));

const joined = (start: Uint8Array, end: Uint8Array): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(start.length + end.length);
  whole.set(start);
  whole.set(end, start.length);
  return whole;
};

/**
 * Whether a request (an event, or the use of a URL tool) comes from your agents: signed with the key, and just now. By Web
 * Crypto, which compares in constant time. The headers are not signed: an event that is repeated within the tolerance is known
 * by the `id` in its body.
 *
 * @example
 * const body = await request.text();
 * const signature = request.headers.get("x-agents-signature");
 * if (!(await verifyAgentsSignature({ body, signature, key }))) return new Response("forged", { status: 401 });
 */
export const verifyAgentsSignature = async ({
  body,
  signature,
  key,
  toleranceSeconds = 300,
}: AgentsSignature): Promise<boolean> => {
  const [, epochSeconds = "", hex = ""] = header.exec(signature ?? "") ?? [];
  const ageSeconds = Math.abs(Date.now() / 1_000 - Number(epochSeconds));
  // An empty key would make everybody's signature good, and so would a missing one.
  // Trimmed as the deployment does: a key that comes from a file has the end of a line.
  const secret = key?.trim() ?? "";
  if (hex === "" || secret === "" || !(ageSeconds <= toleranceSeconds)) return false;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["verify"]);
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  return crypto.subtle.verify("HMAC", imported, bytesOfHex(hex), joined(encoder.encode(`${epochSeconds}.`), bytes));
};

/** What comes to your `events.url`, from its verified body. Events of kinds that later versions add come through as well: ignore what you do not know. Throws AgentsApiError with code "bad_event". */
export const parseAgentsEvent = (body: string): OutgoingEvent => {
  let event: unknown;
  try {
    event = JSON.parse(body);
  } catch (cause) {
    throw new AgentsApiError({ status: 0, code: "bad_event", message: "the body of the event is not JSON", cause });
  }
  const isEvent = typeof event === "object" && event !== null && "type" in event && "id" in event && "call" in event;
  if (isEvent) return event as OutgoingEvent;
  const message =
    "the body is no event of an agent's: is this address also the url of a tool, or another sender's webhook?";
  throw new AgentsApiError({ status: 0, code: "bad_event", message });
};
