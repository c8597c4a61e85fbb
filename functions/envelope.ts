import { createHmac, timingSafeEqual } from "node:crypto";
import { gunzipSync } from "node:zlib";

/** Most bytes a webhook may have, as received and after gunzip. Stream's events are a few kilobytes. */
export const maxBodyBytes = 1024 * 1024;

export interface StreamEvent extends Record<string, unknown> {
  type: string;
}

/** A body that was opened, or the status and reason with which it is turned away. */
export type Opened =
  | { ok: true; event: StreamEvent }
  | {
      ok: false;
      status: 400 | 401 | 413;
      reason: "too_large" | "bad_gzip" | "bad_signature" | "not_json" | "not_an_event";
    };

const refuse = (status: 400 | 401 | 413, reason: Extract<Opened, { ok: false }>["reason"]): Opened => ({
  ok: false,
  status,
  reason,
});

/** Stream compresses bodies if the app says so; like its own SDK, the magic number is trusted and no header. */
const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

const gunzip = (bytes: Uint8Array): Uint8Array | "too_large" | "bad_gzip" => {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBodyBytes });
  } catch (error) {
    return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
      ? "too_large"
      : "bad_gzip";
  }
};

/** Whether `signature` is the lowercase hex HMAC-SHA256 of `body`, in time that does not depend on where they differ. */
export const isSignedBy = (secret: string, body: Uint8Array, signature: string | undefined): boolean => {
  if (signature === undefined || !/^[0-9a-f]{64}$/.test(signature)) return false;
  return timingSafeEqual(createHmac("sha256", secret).update(body).digest(), Buffer.from(signature, "hex"));
};

const parse = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined; // Bytes that are no UTF-8 and text that is no JSON are the same to the sender: not JSON.
  }
};

/**
 * Opens the raw body of a webhook: size, gunzip, signature over the uncompressed bytes, JSON, in this order, so that
 * nothing is parsed that Stream did not sign.
 */
export const openEnvelope = (raw: Uint8Array, signature: string | undefined, secret: string): Opened => {
  if (raw.byteLength > maxBodyBytes) return refuse(413, "too_large");
  const body = isGzip(raw) ? gunzip(raw) : raw;
  if (body === "too_large") return refuse(413, "too_large");
  if (body === "bad_gzip") return refuse(400, "bad_gzip");
  if (!isSignedBy(secret, body, signature)) return refuse(401, "bad_signature");
  const value = parse(body);
  if (value === undefined) return refuse(400, "not_json");
  if (typeof value !== "object" || value === null || !("type" in value)) return refuse(400, "not_an_event");
  const { type } = value;
  return typeof type === "string" && type !== ""
    ? { ok: true, event: { ...value, type } }
    : refuse(400, "not_an_event");
};
