import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { messageOf } from "../errors.ts";
import { SfuError } from "./errors.ts";
import type { Error as SfuErrorMessage } from "./generated/models_pb.js";
import { SignalServer } from "./generated/signal_pb.js";
import { retrying } from "./retry.ts";
import { describeError, judgeRefusal } from "./verdict.ts";

export interface SfuRpcOptions {
  /** Base URL from the coordinator; ends in /twirp. */
  url: string;
  token: string;
  /** For one attempt. */
  deadlineMs: number;
}

/** Attempts of one request in all. */
const attempts = 3;

type Answer = { error?: SfuErrorMessage | undefined };

/** Requests to one SFU: twirp, that is one HTTP POST of a protobuf message per request. */
export class SfuRpc {
  readonly #options: SfuRpcOptions;
  readonly #closing = new AbortController();

  constructor(options: SfuRpcOptions) {
    this.#options = options;
  }

  /**
   * Sends one request and resolves with its answer. Tries again when the SFU could not be reached or says that it may
   * help. Throws SfuError; at once when this is closed.
   */
  async call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    input: MessageInitShape<Input>,
  ): Promise<MessageShape<Output>> {
    const body = toBinary(method.input, create(method.input, input));
    const attempt = () => this.#attempt(method, body);
    return await retrying(attempt, { attempts, signal: this.#closing.signal });
  }

  /** Ends all requests in flight, which reject. Idempotent. */
  close(): void {
    this.#closing.abort();
  }

  async #attempt<Output extends DescMessage>(
    method: DescMethodUnary<DescMessage, Output>,
    body: Uint8Array,
  ): Promise<MessageShape<Output>> {
    const { url, token, deadlineMs } = this.#options;
    let status: number;
    let bytes: Uint8Array;
    try {
      const response = await fetch(`${url}/${SignalServer.typeName}/${method.name}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/protobuf",
          "x-stream-client": "stream-agent-bridge",
        },
        body,
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(deadlineMs)]),
      });
      status = response.status;
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw new SfuError(`${method.name} did not reach the SFU: ${messageOf(cause)}`, {
        retryable: !this.#closing.signal.aborted,
        cause,
      });
    }
    if (status !== 200) {
      throw new SfuError(`${method.name} failed with HTTP ${status}: ${twirpMessage(bytes)}`, {
        retryable: status === 429 || status >= 500,
        data: { status },
      });
    }
    const answer = fromBinary(method.output, bytes);
    const { error } = answer as Answer;
    if (!error) return answer;
    throw new SfuError(`the SFU refused ${method.name}: ${describeError(error)}`, {
      retryable: error.shouldRetry,
      edgeIsBad: judgeRefusal(error).edgeIsBad,
      data: { errorCode: error.code },
    });
  }
}

/** The words of a twirp error, which is JSON whatever the request was. */
const twirpMessage = (bytes: Uint8Array): string => {
  const text = new TextDecoder().decode(bytes.subarray(0, 500));
  try {
    const { code, msg } = JSON.parse(text) as Record<string, unknown>;
    return `${code}: ${msg}`;
  } catch {
    // Not twirp's JSON (a proxy's page, for instance): its beginning says enough.
    return text;
  }
};
