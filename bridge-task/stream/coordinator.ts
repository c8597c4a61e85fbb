import { randomUUID } from "node:crypto";
import type { StreamClient } from "@stream-io/node-sdk";
import { messageOf } from "../errors.ts";
import { CoordinatorError } from "./errors.ts";
import { type CallJoin, parseJoinResponse } from "./join-response.ts";
import { retrying } from "./retry.ts";
import { type StreamUser, userPatch } from "./user.ts";

export interface CoordinatorOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  user: StreamUser;
  /** How long each call token is valid; one is minted per join. Default: node-sdk's, an hour. */
  validityInSeconds?: number;
  requestTimeoutMs: number;
}

/** API code of Stream for something that does not exist. */
const doesNotExist = 16;
const attempts = 3;

const mayPass = (status: number | undefined): boolean => status === undefined || status === 429 || status >= 500;

/** An error of node-sdk as ours. It carries the API code in `code` and the HTTP status in `metadata.responseCode`. */
const fromSdk = (what: string, thrown: unknown): CoordinatorError => {
  const { code, metadata } = (thrown ?? {}) as { code?: unknown; metadata?: { responseCode?: unknown } };
  const status = typeof metadata?.responseCode === "number" ? metadata.responseCode : undefined;
  return new CoordinatorError(`${what}: ${messageOf(thrown)}`, {
    status,
    apiCode: typeof code === "number" ? code : undefined,
    retryable: mayPass(status),
    cause: thrown,
  });
};

/** What a participant needs of Stream's REST API: a user, a call, a place on an SFU. */
export class Coordinator {
  readonly #options: CoordinatorOptions;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  get apiKey(): string {
    return this.#options.streamClient.apiKey;
  }

  get cid(): string {
    return `${this.#options.call.type}:${this.#options.call.id}`;
  }

  /**
   * Makes sure that the user and the call exist, with one round trip when both do. Throws CoordinatorError.
   * An existing user is patched with what differs and never replaced: an upsert would wipe its other fields.
   */
  async prepare(): Promise<void> {
    const [callExists] = await Promise.all([this.#callExists(), this.#ensureUser()]);
    if (callExists) return;
    const { streamClient, call, user } = this.#options;
    await this.#request("creating the call", () =>
      streamClient.video.call(call.type, call.id).getOrCreate({ data: { created_by_id: user.id } }),
    );
  }

  /** Asks for a place on an SFU, if possible none of `avoid` (edge names, the latest last). Throws CoordinatorError. */
  async join(avoid: readonly string[] = []): Promise<CallJoin> {
    const latest = avoid.at(-1);
    const body = {
      location: "auto",
      ...(latest === undefined ? {} : { migrating_from: latest, migrating_from_list: avoid }),
    };
    return await retrying(() => this.#postJoin(body), { attempts });
  }

  async #ensureUser(): Promise<void> {
    const { streamClient, user } = this.#options;
    const { users } = await this.#request("looking up the user", () =>
      streamClient.queryUsers({ payload: { filter_conditions: { id: { $eq: user.id } }, limit: 1 } }),
    );
    const existing = users.find(({ id }) => id === user.id);
    if (!existing) {
      await this.#request("creating the user", () => streamClient.upsertUsers([user]));
      return;
    }
    const set = userPatch(user, existing);
    if (!set) return;
    await this.#request("updating the user", () => streamClient.updateUsersPartial({ users: [{ id: user.id, set }] }));
  }

  async #callExists(): Promise<boolean> {
    const { streamClient, call } = this.#options;
    try {
      await this.#request("looking up the call", () => streamClient.video.call(call.type, call.id).get());
      return true;
    } catch (error) {
      if (error instanceof CoordinatorError && (error.apiCode === doesNotExist || error.status === 404)) return false;
      throw error;
    }
  }

  #request<T>(what: string, work: () => Promise<T>): Promise<T> {
    const attempt = () =>
      work().catch((thrown: unknown) => {
        throw fromSdk(`${what} failed`, thrown);
      });
    return retrying(attempt, { attempts });
  }

  /** node-sdk has no join, a request of clients: it goes out as the user, to the same address. */
  async #postJoin(body: unknown): Promise<CallJoin> {
    const { streamClient, call, user, validityInSeconds, requestTimeoutMs } = this.#options;
    const token = streamClient.generateCallToken({
      user_id: user.id,
      call_cids: [this.cid],
      ...(validityInSeconds === undefined ? {} : { validity_in_seconds: validityInSeconds }),
    });
    const path = `${encodeURIComponent(call.type)}/${encodeURIComponent(call.id)}/join`;
    const url = new URL(`${streamClient.video.apiClient.apiConfig.baseUrl}/api/v2/video/call/${path}`);
    url.searchParams.set("api_key", this.apiKey);
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: {
          authorization: token,
          "content-type": "application/json",
          "stream-auth-type": "jwt",
          "x-client-request-id": randomUUID(),
          "x-stream-client": "stream-agent-bridge",
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw new CoordinatorError(`joining ${this.cid} failed: Stream could not be reached (${messageOf(cause)})`, {
        retryable: true,
        cause,
      });
    }
    return readJoin(this.cid, response.status, text);
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON (a proxy's page, a cut answer): the caller sees that every field is missing.
    return undefined;
  }
};

const readJoin = (cid: string, status: number, text: string): CallJoin => {
  const body = parseJson(text);
  if (status >= 200 && status < 300) return parseJoinResponse(body);
  const { code, message, unrecoverable } = (body ?? {}) as Record<string, unknown>;
  throw new CoordinatorError(`Stream refused the join of ${cid}: ${typeof message === "string" ? message : status}`, {
    status,
    apiCode: typeof code === "number" ? code : undefined,
    retryable: unrecoverable !== true && mayPass(status),
  });
};
