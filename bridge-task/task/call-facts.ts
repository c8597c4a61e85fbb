import type { StreamClient } from "@stream-io/node-sdk";
import type { CallFacts } from "../agents/agent.ts";
import { messageOf } from "../errors.ts";
import { CoordinatorError } from "../stream/errors.ts";
import { retrying } from "../stream/retry.ts";

/** Stream's API code for something that does not exist. */
const doesNotExist = 16;

type StreamCallResponse = Awaited<ReturnType<ReturnType<StreamClient["video"]["call"]>["get"]>>["call"];

const read = async (streamClient: StreamClient, { type, id }: CallId): Promise<StreamCallResponse | undefined> => {
  try {
    return (await streamClient.video.call(type, id).get()).call;
  } catch (cause) {
    const { code, metadata } = (cause ?? {}) as { code?: unknown; metadata?: { responseCode?: unknown } };
    if (code === doesNotExist || metadata?.responseCode === 404) return undefined;
    throw new CoordinatorError(`reading the call failed: ${messageOf(cause)}`, { retryable: true, cause });
  }
};

interface CallId {
  type: string;
  id: string;
}

/** What Stream knows of the call; a call that nobody created yet has nothing. Throws CoordinatorError. */
export const readCallFacts = async (streamClient: StreamClient, call: CallId): Promise<CallFacts> => {
  const found = await retrying(() => read(streamClient, call), { attempts: 3 });
  const { custom = {}, created_by } = found ?? {};
  return {
    type: call.type,
    id: call.id,
    cid: `${call.type}:${call.id}`,
    custom,
    createdBy: created_by && { id: created_by.id, custom: created_by.custom },
  };
};

/**
 * The id of the session that the call is in now. Never rejects: undefined where there is none, or where nobody says. Whether the
 * agent may come back after its end hangs on it, so it is asked for more than once.
 */
export const readSessionId = (streamClient: StreamClient, call: CallId): Promise<string | undefined> =>
  retrying(() => read(streamClient, call), { attempts: 3 }).then(
    // The last session of a call stays with it when it has ended.
    (found) => (found?.session?.ended_at == null ? found?.session?.id : undefined),
    () => undefined,
  );
