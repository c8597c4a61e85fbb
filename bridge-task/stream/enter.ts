import { setTimeout as sleep } from "node:timers/promises";
import { unlessAborted } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { certainRefusal } from "./admission.ts";
import { admit } from "./admit.ts";
import type { Coordinator } from "./coordinator.ts";
import { CallRefusedError, SfuError } from "./errors.ts";
import type { CallJoin } from "./join-response.ts";
import { isRetryable, retryIntervalMs } from "./retry.ts";
import { type PreparedMedia, prepareMedia, type SfuConnection } from "./sfu-connection.ts";

export interface EnterOptions {
  coordinator: Coordinator;
  logger: Logger;
  /** The user and the call exist from now on. */
  onPrepared: () => void;
  /** A connection to the SFU that the coordinator chose; it owns the media from here on. */
  connection: (join: CallJoin, media: PreparedMedia) => SfuConnection;
  /** Gives the join up: rejects with AbortedError, out of the call. */
  signal?: AbortSignal | undefined;
}

/** SFUs tried in all, as Stream's JavaScript client does. */
const attempts = 3;

/** The edges to ask the coordinator not to choose again: those that said so, and those that failed twice. */
export const edgesToAvoid = (failures: readonly { edgeName: string; edgeIsBad: boolean }[]): string[] => {
  const isBad = ({ edgeName, edgeIsBad }: { edgeName: string; edgeIsBad: boolean }) =>
    edgeName !== "" && (edgeIsBad || failures.filter((failure) => failure.edgeName === edgeName).length > 1);
  return [...new Set(failures.filter(isBad).map(({ edgeName }) => edgeName))];
};

/** What the last failure means for the call: one that no SFU has room for is full. */
const verdictOfAll = (error: unknown, { cid }: Coordinator): unknown =>
  error instanceof SfuError && error.isFull
    ? new CallRefusedError(
        "call_full",
        `there is no room for the agent in ${cid}: raise settings.limits.max_participants, or leave the role of agents out of the count (max_participants_exclude_roles)`,
        { cause: error },
      )
    : error;

/**
 * From nothing to a connected SFU: makes sure that user and call exist, asks for an SFU, joins it, elsewhere if need be.
 * What needs no answer of Stream's (keys, certificate, offers) is made while its answers travel. Throws BridgeError: a
 * CallRefusedError where the call does not take the user in.
 */
export const enter = async (options: EnterOptions): Promise<SfuConnection> => {
  const { coordinator, logger, onPrepared, connection, signal } = options;
  let preparing = prepareMedia(logger);
  try {
    const call = await unlessAborted(coordinator.prepare(), signal, "joining the call");
    const refusal = certainRefusal(call, coordinator);
    if (refusal) throw refusal;
    onPrepared();
    const failures: { edgeName: string; edgeIsBad: boolean }[] = [];
    for (let attempt = 0; ; attempt += 1) {
      const join = await unlessAborted(admit(coordinator, edgesToAvoid(failures), logger), signal, "joining the call");
      const { edgeName } = join.credentials;
      const sfu = connection(join, await preparing);
      try {
        await unlessAborted(sfu.connect(), signal, "joining the call");
        return sfu;
      } catch (error) {
        if (signal?.aborted) await sfu.leave("the join was given up");
        if (!isRetryable(error) || attempt + 1 >= attempts) throw verdictOfAll(error, coordinator);
        logger.warn("sfu_join_failed", { edgeName, error: messageOf(error), attempt });
        failures.push({ edgeName, edgeIsBad: error instanceof SfuError && error.edgeIsBad });
        preparing = prepareMedia(logger);
        await unlessAborted(sleep(retryIntervalMs(attempt)), signal, "joining the call");
      }
    }
  } catch (error) {
    // A connection closes what it was handed; this closes what no connection took. Closing twice is harmless.
    await preparing.then(
      ({ publisher }) => publisher.close(),
      () => undefined,
    );
    throw error;
  }
};
