import type { End } from "../departure.ts";
import { AbortedError, BridgeError, InvalidInputError, messageOf, TimeoutError } from "../errors.ts";
import { type EndReason, exitCodes } from "../job.ts";
import { CoordinatorError, SfuError } from "../stream/errors.ts";

const isReason = (value: unknown): value is EndReason => typeof value === "string" && Object.hasOwn(exitCodes, value);

const reasonOf = (error: unknown): EndReason => {
  if (error instanceof InvalidInputError) return "bad_job";
  const { reason } = (error ?? {}) as { reason?: unknown };
  if (error instanceof BridgeError && isReason(reason)) return reason;
  const isStreams = [CoordinatorError, SfuError, TimeoutError, AbortedError].some((kind) => error instanceof kind);
  return isStreams ? "join_failed" : "internal";
};

/** How a stay ended that an error kept from beginning: errors that know their reason say it. */
export const endOf = (error: unknown): End => ({ reason: reasonOf(error), detail: messageOf(error) });
