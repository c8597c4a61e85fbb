import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether `header` is `Bearer <key>`; digests of equal length are compared, so the time tells neither length nor beginning. */
export const isBearer = (header: string | undefined, key: string): boolean => {
  const [, token = ""] = /^Bearer +(\S+) *$/i.exec(header ?? "") ?? [];
  return timingSafeEqual(digest(token), digest(key));
};

/** Throws ApiError 401 unless the request carries the key. */
export const requireBearer = (header: string | undefined, key: string): void => {
  if (isBearer(header, key)) return;
  const isOfBearer = /^Bearer +\S/i.test(header ?? "");
  const found = header === undefined ? "is missing" : isOfBearer ? "has another key" : "does not begin with Bearer";
  throw new ApiError(
    401,
    {
      error: "unauthorized",
      message: `the authorization header ${found}: send "authorization: Bearer <key>" with the deployment's AGENTS_API_KEY`,
    },
    { "www-authenticate": 'Bearer realm="agents"' },
  );
};
