import type { StreamClient } from "@stream-io/node-sdk";
import { messageOf } from "../errors.ts";
import type { CallState } from "./call-events.ts";
import { CoordinatorError } from "./errors.ts";
import { type CallJoin, parseJoinResponse, readCallState } from "./join-response.ts";
import { retrying } from "./retry.ts";
import { type StreamUser, userPatch } from "./user.ts";
import { clientName, mayPass, requestAsUser } from "./user-request.ts";

export interface CoordinatorOptions {
  streamClient: StreamClient;
  call: { type: string; id: string };
  user: StreamUser;
  /** How long each token is valid; one is minted per join, and per socket. Default: node-sdk's, an hour. */
  validityInSeconds?: number;
  requestTimeoutMs: number;
}

/** API code of Stream for something that does not exist. */
const doesNotExist = 16;
const attempts = 3;

/** An error of node-sdk as ours. It carries the API code in `code` and the HTTP status in `metadata.responseCode`. */
const fromSdk = (what: string, thrown: unknown): CoordinatorError => {
  const { code, metadata } = (thrown ?? {}) as { code?: unknown; metadata?: { responseCode?: unknown } };
  const status = typeof metadata?.responseCode === "number" ? metadata.responseCode : undefined;
  // Where no answer came, node-sdk hides why in `code`.
  const unreached =
    code instanceof Error ? ` (${messageOf(code.cause ?? code)}): check the network path to Stream` : "";
  return new CoordinatorError(`${what}: ${messageOf(thrown)}${unreached}`, {
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

  get userId(): string {
    return this.#options.user.id;
  }

  /**
   * Makes sure that the user and the call exist, with one round trip when both do. Resolves with the call as it is.
   * Throws CoordinatorError.
   */
  async prepare(): Promise<unknown> {
    const [existing] = await Promise.all([this.call(), this.ensureUser()]);
    if (existing) return existing;
    const { streamClient, call, user } = this.#options;
    const created = await this.#request("creating the call", () =>
      streamClient.video.call(call.type, call.id).getOrCreate({ data: { created_by_id: user.id } }),
    );
    return created.call;
  }

  /**
   * Makes sure that the user exists. One that does is patched with what it lacks and never replaced: an upsert would wipe its
   * other fields. Throws CoordinatorError.
   */
  async ensureUser(): Promise<void> {
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

  /** The call as a server sees it, its dates as Date; undefined where nobody created it. Throws CoordinatorError. */
  async call(signal?: AbortSignal): Promise<unknown> {
    const { streamClient, call } = this.#options;
    try {
      const get = () => streamClient.video.call(call.type, call.id).get();
      return (await this.#request("looking up the call", get, signal)).call;
    } catch (error) {
      if (error instanceof CoordinatorError && (error.apiCode === doesNotExist || error.status === 404))
        return undefined;
      throw error;
    }
  }

  /** Gives our user these capabilities in the call. Throws CoordinatorError. */
  async grant(capabilities: string[]): Promise<void> {
    const { streamClient, call, user } = this.#options;
    await this.#request("granting permissions", () =>
      streamClient.video
        .call(call.type, call.id)
        .updateUserPermissions({ user_id: user.id, grant_permissions: capabilities }),
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

  /** Where the call's events come from, and the first thing to say there. The token in it is new with each call of this. */
  eventSource(): { url: URL; hello: object } {
    const { streamClient, user } = this.#options;
    const url = new URL(`${this.#baseUrl}/api/v2/connect`);
    url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
    url.search = new URLSearchParams({
      api_key: this.apiKey,
      "stream-auth-type": "jwt",
      "X-Stream-Client": clientName,
    }).toString();
    const token = streamClient.generateUserToken({ user_id: user.id, ...this.#validity });
    // Nothing of the user but its id: what is stated here would change it.
    return { url, hello: { token, products: ["video"], user_details: { id: user.id } } };
  }

  /** From now on the socket of this connection gets the call's events. Resolves with the call as it is. Throws CoordinatorError. */
  async watch(connectionId: string, signal: AbortSignal): Promise<CallState | undefined> {
    const answer = await this.#asUser("watching", "GET", { query: { connection_id: connectionId }, signal });
    return readCallState(answer);
  }

  #request<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const attempt = () =>
      work().catch((thrown: unknown) => {
        throw fromSdk(`${what} failed`, thrown);
      });
    return retrying(attempt, { attempts, ...(signal ? { signal } : {}) });
  }

  async #postJoin(body: unknown): Promise<CallJoin> {
    return parseJoinResponse(await this.#asUser("joining", "POST", { path: "/join", body }));
  }

  get #baseUrl(): string {
    return this.#options.streamClient.video.apiClient.apiConfig.baseUrl;
  }

  get #validity(): { validity_in_seconds?: number } {
    const { validityInSeconds } = this.#options;
    return validityInSeconds === undefined ? {} : { validity_in_seconds: validityInSeconds };
  }

  /** A request of clients about the call, to the same address as node-sdk's. */
  #asUser(
    doing: string,
    method: "GET" | "POST",
    given: { path?: string; query?: Record<string, string>; body?: unknown; signal?: AbortSignal },
  ): Promise<unknown> {
    const { streamClient, call, user, requestTimeoutMs } = this.#options;
    const path = `${encodeURIComponent(call.type)}/${encodeURIComponent(call.id)}${given.path ?? ""}`;
    const url = new URL(`${this.#baseUrl}/api/v2/video/call/${path}`);
    url.search = new URLSearchParams({ api_key: this.apiKey, ...given.query }).toString();
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    return requestAsUser({
      what: `${doing} ${this.cid}`,
      method,
      url,
      token: streamClient.generateCallToken({ user_id: user.id, call_cids: [this.cid], ...this.#validity }),
      body: given.body,
      signal: given.signal ? AbortSignal.any([deadline, given.signal]) : deadline,
    });
  }
}
