import { StreamClient as ServerClient } from "@stream-io/node-sdk";
import type { AgentClient } from "./agent-client.ts";
import { type ConnectOpenAiOptions, connectOpenAi } from "./connect-open-ai.ts";
import { InvalidInputError } from "./errors.ts";

/** What `streamClient.video.connectOpenAi` takes: all but the client itself. */
export type VideoConnectOpenAiOptions = Omit<ConnectOpenAiOptions, "streamClient">;

/** What every agent of a client has in common. */
export type AttachOptions = Omit<VideoConnectOpenAiOptions, "call" | "openAiApiKey" | "agentUserId">;

type Video = { connectOpenAi: (options: VideoConnectOpenAiOptions) => Promise<AgentClient> } & ServerClient["video"];

/** A server client of Stream's whose agents are ours. */
export type AttachedClient<Client extends ServerClient = ServerClient> = Client & { readonly video: Video };

/**
 * From here on `streamClient.video.connectOpenAi({ … })` puts our agent into the call. Returns the same client.
 *
 * @example
 * const streamClient = attachOpenAi(new StreamClient("your-api-key", "your-api-secret"));
 */
export const attachOpenAi = <Client extends ServerClient>(
  streamClient: Client,
  defaults: AttachOptions = {},
): AttachedClient<Client> => {
  if (typeof streamClient?.video?.call !== "function") {
    throw new InvalidInputError("attachOpenAi takes a StreamClient: attachOpenAi(new StreamClient(apiKey, apiSecret))");
  }
  const connect = (options: VideoConnectOpenAiOptions) => connectOpenAi({ ...defaults, ...options, streamClient });
  return Object.assign(streamClient, { video: Object.assign(streamClient.video, { connectOpenAi: connect }) });
};

/**
 * Stream's server client, with agents that work: change the import, keep the code. STREAM_BASE_URL in the environment names
 * another server than Stream's own, where the options name none.
 *
 * @example
 * const { StreamClient } = require("stream-agent-bridge");
 * const streamClient = new StreamClient("your-api-key", "your-api-secret");
 * const client = await streamClient.video.connectOpenAi({ call, openAiApiKey, agentUserId: "lucy" });
 */
export class StreamClient extends ServerClient {
  declare readonly video: Video;

  constructor(apiKey: string, secret: string, options: ConstructorParameters<typeof ServerClient>[2] = {}) {
    const { STREAM_BASE_URL } = process.env;
    super(apiKey, secret, STREAM_BASE_URL ? { basePath: STREAM_BASE_URL, ...options } : options);
    attachOpenAi(this);
  }
}
