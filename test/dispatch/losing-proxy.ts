import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

/** DynamoDB behind a network that loses answers. */
export interface LosingProxy {
  url: string;
  /** The next request of this action is done, and its connection is cut before the answer, when `meanwhile` is over. */
  loseNext(action: string, meanwhile?: () => Promise<unknown>): void;
  close(): Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const startLosingProxy = async (targetUrl: string): Promise<LosingProxy> => {
  let losing: { action: string; meanwhile: (() => Promise<unknown>) | undefined } | undefined;
  const server = createServer(async (incoming, outgoing) => {
    const body = await bodyOf(incoming);
    const { method, headers, url = "/" } = incoming;
    const forwarded = request(new URL(url, targetUrl), { method, headers, agent: false });
    forwarded.end(body);
    const [answer] = (await once(forwarded, "response")) as [IncomingMessage];
    const answered = await bodyOf(answer);
    if (losing !== undefined && String(headers["x-amz-target"]).endsWith(`.${losing.action}`)) {
      const { meanwhile } = losing;
      losing = undefined;
      await meanwhile?.();
      incoming.socket.destroy();
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(answered);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseNext: (action, meanwhile) => {
      losing = { action, meanwhile };
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
