import { createHmac, timingSafeEqual } from "node:crypto";

/** Header that proves who sent a POST to the application. */
export const signatureHeaderName = "x-agents-signature";

/** A signature may be so old, or so far ahead: longer than a slow answer and a clock that is a little off. */
const defaultToleranceSeconds = 300;

const digest = (key: string, body: string, epochSeconds: string): string =>
  createHmac("sha256", key).update(`${epochSeconds}.${body}`).digest("hex");

/** `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body" with the API key>`. */
export const signatureHeader = (key: string, body: string, nowMs: number): string => {
  const epochSeconds = String(Math.floor(nowMs / 1_000));
  return `t=${epochSeconds},v1=${digest(key, body, epochSeconds)}`;
};

export interface SignedMessage {
  key: string;
  /** The body as it was received, byte for byte. */
  body: string;
  header: string | undefined;
  nowMs: number;
  /** Default: 300. */
  toleranceSeconds?: number;
}

/** Whether whoever sent this body has the key, and sent it just now. In constant time. */
export const isSigned = ({ key, body, header = "", nowMs, toleranceSeconds }: SignedMessage): boolean => {
  const [, epochSeconds = "", given = ""] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  const ageSeconds = Math.abs(nowMs / 1_000 - Number(epochSeconds));
  // Whoever has no key would take everybody's word.
  if (key === "" || given === "" || !(ageSeconds <= (toleranceSeconds ?? defaultToleranceSeconds))) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(digest(key, body, epochSeconds)));
};
