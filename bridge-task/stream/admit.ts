import type { Logger } from "../log.ts";
import { likelyRefusal } from "./admission.ts";
import type { Coordinator } from "./coordinator.ts";
import { CallRefusedError, CoordinatorError } from "./errors.ts";
import type { CallJoin } from "./join-response.ts";
import { isRetryable } from "./retry.ts";

/** API code of Stream for something that a user may not do. */
const notAllowed = 17;
const voice = "send-audio";

const maySpeak = ({ capabilities }: CallJoin): boolean => capabilities.includes(voice);

/** In the words of what can be done about it. */
const noPermission = (coordinator: Coordinator, right: string, cause?: unknown): CallRefusedError => {
  const { userId, cid } = coordinator;
  return new CallRefusedError(
    "no_permission",
    `${userId} lacks "${right}" in ${cid} and could not be given it: allow it to the user's role in the settings of the call type, or add the user to the call as a member with a role that has it`,
    { cause },
  );
};

/** A refusal of the coordinator as what it is about, as far as the state of the call explains it. Never throws. */
const explained = async (coordinator: Coordinator, error: unknown): Promise<unknown> => {
  if (!(error instanceof CoordinatorError) || error.retryable) return error;
  const isForbidden = error.status === 403 || error.apiCode === notAllowed;
  if (!isForbidden && error.status !== 400) return error;
  // The state is asked anew: it may have changed since we looked, which may be why we were refused.
  const call = await coordinator.call().catch(() => undefined);
  const likely = likelyRefusal(call, coordinator);
  if (likely) return new CallRefusedError(likely.reason, likely.message, { cause: error });
  return isForbidden ? noPermission(coordinator, "join-call", error) : error;
};

/**
 * A place on an SFU for a user who may speak there. Where its role does not let it speak, it is given the right for this call,
 * as a server may. Throws CallRefusedError with the reason where the call does not take it in, else CoordinatorError.
 */
export const admit = async (coordinator: Coordinator, avoid: readonly string[], logger: Logger): Promise<CallJoin> => {
  const join = async () => {
    try {
      return await coordinator.join(avoid);
    } catch (error) {
      throw await explained(coordinator, error);
    }
  };
  const first = await join();
  if (maySpeak(first)) return first;
  try {
    await coordinator.grant([voice]);
  } catch (cause) {
    throw isRetryable(cause) ? cause : noPermission(coordinator, voice, cause);
  }
  // What a join may do is fixed when it is made.
  const second = await join();
  if (!maySpeak(second)) throw noPermission(coordinator, voice);
  logger.info("voice_granted", { userId: coordinator.userId });
  return second;
};
