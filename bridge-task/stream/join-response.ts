import type { CallState } from "./call-events.ts";
import { CoordinatorError } from "./errors.ts";

export interface IceServer {
  urls: string[];
  username: string;
  credential: string;
}

/** Where the call is held and how to get in; valid for one join. */
export interface SfuCredentials {
  /** The SFU's id, to be named when another one is asked for. */
  edgeName: string;
  /** Base of the SFU's requests; ends in /twirp. */
  rpcUrl: string;
  socketUrl: string;
  token: string;
  iceServers: IceServer[];
}

export interface CallJoin {
  credentials: SfuCredentials;
  capabilities: string[];
  /** The call as it was then, as JSON; undefined where the answer did not hold it. */
  call: CallState | undefined;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const string = (value: unknown): string => (typeof value === "string" ? value : "");

const required = (value: unknown, name: string): string => {
  const text = string(value);
  if (text !== "") return text;
  throw new CoordinatorError(`Stream's join response has no ${name}: check that the base URL points at Stream`, {});
};

const iceServer = (value: unknown): IceServer[] => {
  const { urls, username, password } = object(value);
  const found = (Array.isArray(urls) ? urls : [urls]).map(string).filter((url) => url !== "");
  return found.length === 0 ? [] : [{ urls: found, username: string(username), credential: string(password) }];
};

/** The call in an answer of the coordinator, taken at its word but for its address. */
export const readCallState = (response: unknown): CallState | undefined => {
  const { call } = object(response);
  return string(object(call).cid) === "" ? undefined : (call as CallState);
};

/** Reads the coordinator's JoinCallResponse. Throws CoordinatorError that names what is missing. */
export const parseJoinResponse = (value: unknown): CallJoin => {
  const response = object(value);
  const credentials = object(response.credentials);
  const server = object(credentials.server);
  return {
    credentials: {
      edgeName: string(server.edge_name),
      rpcUrl: required(server.url, "credentials.server.url").replace(/\/+$/, ""),
      socketUrl: required(server.ws_endpoint, "credentials.server.ws_endpoint"),
      token: required(credentials.token, "credentials.token"),
      iceServers: list(credentials.ice_servers).flatMap(iceServer),
    },
    capabilities: list(response.own_capabilities).map(string),
    call: readCallState(response),
  };
};
