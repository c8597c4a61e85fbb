import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";

export interface Outgoing {
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  signal: AbortSignal;
}

/**
 * A request by Node's own client, which the AWS clients have loaded anyway: the first fetch of a process takes ten times as
 * long, and functions start while somebody waits. Rejects when there is no whole answer, and when the signal is aborted.
 */
export const send = (
  url: URL,
  { method, headers, body, signal }: Outgoing,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const request = url.protocol === "http:" ? requestHttp : requestHttps;
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request(url, { method, headers: { ...headers, ...length }, signal }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer }), reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
