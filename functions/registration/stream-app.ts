import { setTimeout as sleep } from "node:timers/promises";
import { BridgeError, messageOf } from "../../bridge-task/errors.ts";
import { createStreamApi, StreamRequestError } from "../stream/stream-api.ts";
import { parseExactly } from "./exact-json.ts";
import type { Json } from "./hook.ts";

/** The registration could not be made. The message is what the deploy shows: it says what to do. */
export class RegistrationError extends BridgeError {
  constructor(message: string, options: { retryable?: boolean; cause?: unknown; data?: Record<string, unknown> } = {}) {
    super("registration_failed", message, options);
  }
}

export interface StreamAppOptions {
  apiKey: string;
  apiSecret: string;
  /** Another server than Stream's own. */
  baseUrl?: string | undefined;
  /** Ends everything. */
  signal: AbortSignal;
  /** How long one request may take, in milliseconds; 5,000 unless told. */
  requestMs?: number;
  /** Before the second try of a request, in milliseconds; twice as long before each further one. 1,000 unless told. */
  pauseMs?: number;
}

/** What registration asks of Stream. */
export interface StreamApp {
  /** The app's settings, as Stream sent them. */
  read(): Promise<Json>;
  /** Changes what is named. Resolves with why nobody knows whether it did; rejects where it surely did not. */
  write(changes: Json): Promise<{ isUnknown: boolean; problem?: string }>;
  /** The users of these ids that there are. */
  users(ids: readonly string[]): Promise<Json[]>;
  createUsers(users: readonly Json[]): Promise<void>;
  setUserFields(id: string, set: Json): Promise<void>;
  /** Waits as before a further try; ends early, and quietly, with the signal. */
  pause(tryCount: number): Promise<void>;
}

/** Tries of a request that changes nothing when it is made twice. */
const maxTries = 4;

const mayPass = (error: unknown): boolean => !(error instanceof StreamRequestError) || error.retryable;

const adviceFor = (error: unknown): string => {
  if (!(error instanceof StreamRequestError)) return "Stream could not be reached: try again";
  if (error.status === 401 || error.status === 403) {
    return "Stream does not take our keys: set StreamApiKey and StreamApiSecret to those of one app (npx sst secret set), and deploy again";
  }
  return error.retryable ? "try again in a minute" : "nothing was changed by this request";
};

const failed = (what: string, error: unknown): RegistrationError =>
  new RegistrationError(`${what} failed: ${messageOf(error)}; ${adviceFor(error)}`, {
    retryable: mayPass(error),
    cause: error,
    data: error instanceof StreamRequestError ? { status: error.status } : {},
  });

const jsonsOf = (value: unknown): Json[] =>
  (Array.isArray(value) ? value : []).filter((one): one is Json => typeof one === "object" && one !== null);

/** Stream's app by REST. Reads are tried again while they may succeed; whether to write again is for who knows the state. */
export const createStreamApp = (options: StreamAppOptions): StreamApp => {
  const { signal, requestMs = 5_000, pauseMs = 1_000 } = options;
  const api = createStreamApi({ ...options, parse: parseExactly });
  const once = (method: string, path: string, request: { body?: object; query?: Record<string, string> } = {}) =>
    api(method, path, { ...request, signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]) });
  const pause = (tryCount: number): Promise<void> =>
    sleep(pauseMs * 2 ** (tryCount - 1), undefined, { signal }).catch(() => undefined);
  const repeated = async (what: string, ...request: Parameters<typeof once>): Promise<Json> => {
    for (let tryCount = 1; ; tryCount++) {
      try {
        return await once(...request);
      } catch (error) {
        if (!mayPass(error) || tryCount === maxTries || signal.aborted) throw failed(what, error);
        await pause(tryCount);
      }
    }
  };
  return {
    pause,
    read: async () => {
      const { app } = await repeated("Reading the Stream app", "GET", "/app");
      if (typeof app === "object" && app !== null) return app as Json;
      throw new RegistrationError("Stream's answer to GET /app has no app: nothing was changed. Deploy again");
    },
    write: async (body) => {
      try {
        await once("PATCH", "/app", { body });
        return { isUnknown: false };
      } catch (error) {
        if (!mayPass(error)) throw failed("Writing the hooks of the Stream app", error);
        return { isUnknown: true, problem: messageOf(error) };
      }
    },
    users: async (ids) => {
      const payload = JSON.stringify({ filter_conditions: { id: { $in: ids } }, limit: ids.length });
      return jsonsOf((await repeated("Looking for the agents' users", "GET", "/users", { query: { payload } })).users);
    },
    createUsers: async (users) => {
      const body = { users: Object.fromEntries(users.map((user) => [String(user.id), user])) };
      await repeated("Making the agents' users", "POST", "/users", { body });
    },
    setUserFields: async (id, set) => {
      await repeated(`Marking ${id} as an agent`, "PATCH", "/users", { body: { users: [{ id, set }] } });
    },
  };
};
