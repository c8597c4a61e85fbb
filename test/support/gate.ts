import { once } from "node:events";
import net, { type AddressInfo } from "node:net";

export interface Gate {
  /** The target's URL, through the gate. */
  url: string;
  /** Lets everything through, what waited first. */
  open(): void;
  close(): Promise<void>;
}

/** A TCP proxy that holds every connection back until it is opened: the slow side of a race, without a clock. */
export const startGate = async (target: string): Promise<Gate> => {
  const url = new URL(target);
  const upstreamAddress = { port: Number(url.port), host: url.hostname };
  const opened = Promise.withResolvers<void>();
  const sockets = new Set<net.Socket>();
  const track = (socket: net.Socket) => {
    sockets.add(socket);
    // Either side may vanish at any time: the other one then goes too, which is all there is to do.
    socket.on("error", () => socket.destroy());
  };
  const server = net.createServer({ pauseOnConnect: true }, async (client) => {
    track(client);
    await opened.promise;
    const upstream = net.connect(upstreamAddress);
    track(upstream);
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href.replace(/\/$/, ""),
    open: () => opened.resolve(),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
