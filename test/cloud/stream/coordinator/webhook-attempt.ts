import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { AttemptOutcome } from "./webhook-policy.ts";

export interface WebhookAttempt {
  url: string;
  apiKey: string;
  apiSecret: string;
  /** The delivery's, the same for each of its attempts. */
  id: string;
  /** From 1. */
  attempt: number;
  body: string | Buffer;
  /** The body goes compressed; the signature stays over the uncompressed bytes. */
  gzip?: boolean;
  timeoutMs: number;
  /** Gives it up. */
  closing: AbortSignal;
}

/** One signed request as Stream makes it. Resolves with how it ended and with the text of the answer; never rejects. */
export const attemptWebhook = async ({
  url,
  apiKey,
  apiSecret,
  id,
  attempt,
  body,
  gzip = false,
  timeoutMs,
  closing,
}: WebhookAttempt): Promise<{ outcome: AttemptOutcome; text: string }> => {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: "POST",
      signal: AbortSignal.any([timeout, closing]),
      headers: {
        "content-type": "application/json",
        "x-webhook-id": id,
        "x-webhook-attempt": String(attempt),
        "x-api-key": apiKey,
        "x-signature": createHmac("sha256", apiSecret).update(body).digest("hex"),
        ...(gzip ? { "content-encoding": "gzip" } : {}),
      },
      body: gzip ? new Uint8Array(gzipSync(body)) : body.toString(),
    });
    const text = await response.text();
    return { outcome: { kind: "status", status: response.status }, text };
  } catch {
    // Why a request failed does not matter to Stream's policy, only whether its time was up.
    return { outcome: { kind: timeout.aborted ? "timeout" : "network" }, text: "" };
  }
};
