import { createHmac, timingSafeEqual } from "node:crypto";
import { ApiError, apiCode, notAllowed } from "./api-error.ts";

/** Who a token speaks for. */
export type Caller = { kind: "server" } | { kind: "user"; userId: string; callCids?: readonly string[]; role?: string };

const decode = (part: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Not JSON: the error below says so for every malformed token.
  }
  throw new ApiError(401, apiCode.auth, "token is not a valid JWT: expected three base64url parts of JSON");
};

const matches = (signingInput: string, signature: string, secret: string): boolean => {
  const expected = createHmac("sha256", secret).update(signingInput).digest();
  const given = Buffer.from(signature, "base64url");
  return given.length === expected.length && timingSafeEqual(given, expected);
};

/**
 * Verifies an HS256 token as Stream does: signature, then `exp`, `nbf` and `iat` without leeway.
 * Throws ApiError 401 with code 5, 40, 41, 42 or 43.
 */
export const verifyToken = (token: string, secret: string, nowMs: number): Caller => {
  const [header = "", payload = "", signature = "", ...rest] = token.split(".");
  if (rest.length > 0 || signature === "")
    throw new ApiError(401, apiCode.auth, "token is not a valid JWT: expected three parts");
  if (decode(header).alg !== "HS256") throw new ApiError(401, apiCode.auth, "token must be signed with HS256");
  const claims = decode(payload);
  if (!matches(`${header}.${payload}`, signature, secret))
    throw new ApiError(401, apiCode.badSignature, "token signature is invalid: sign it with this app's secret");
  const nowSeconds = nowMs / 1000;
  if (typeof claims.exp === "number" && claims.exp <= nowSeconds)
    throw new ApiError(401, apiCode.tokenExpired, "token is expired: make a new one");
  if (typeof claims.nbf === "number" && claims.nbf > nowSeconds)
    throw new ApiError(401, apiCode.tokenNotYetValid, "token is not valid yet");
  if (typeof claims.iat === "number" && claims.iat > nowSeconds)
    throw new ApiError(401, apiCode.tokenUsedBeforeIssued, "token used before its issue time (iat)");
  if (claims.server === true) return { kind: "server" };
  if (typeof claims.user_id !== "string" || claims.user_id === "")
    throw new ApiError(401, apiCode.auth, "token has no user_id");
  return {
    kind: "user",
    userId: claims.user_id,
    ...(Array.isArray(claims.call_cids) ? { callCids: claims.call_cids.map(String) } : {}),
    ...(typeof claims.role === "string" ? { role: claims.role } : {}),
  };
};

/** A call token (claim `call_cids`) opens only the calls that it lists. Throws ApiError 403, code 17. */
export const requireCallAccess = (caller: Caller, cid: string): void => {
  if (caller.kind === "user" && caller.callCids && !caller.callCids.includes(cid))
    throw notAllowed(`this call token does not open ${cid}`);
};
