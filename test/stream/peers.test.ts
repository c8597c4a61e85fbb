import { KeyObject } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { silentLogger } from "../../bridge-task/log.ts";
import type { IceServer } from "../../bridge-task/stream/join-response.ts";
import { Publisher } from "../../bridge-task/stream/publisher.ts";
import { type ReceivedPacket, Subscriber } from "../../bridge-task/stream/subscriber.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((peer) => peer.close()));
});

/** A voice and ears that talk to each other directly, as if each were the other's SFU. */
const pair = async (iceServers: IceServer[] = []) => {
  const publisher = await Publisher.prepare(silentLogger);
  const packets: { streamId: string; packet: ReceivedPacket }[] = [];
  const negotiationIds: number[] = [];
  const failures: unknown[] = [];
  let answered: (sdp: string) => void = () => {};
  const subscriber = new Subscriber({
    iceServers,
    logger: silentLogger,
    answer: async (sdp, negotiationId) => {
      negotiationIds.push(negotiationId);
      answered(sdp);
    },
    onPacket: (streamId, packet) => packets.push({ streamId, packet }),
    onFailed: (error) => failures.push(error),
  });
  open.push(publisher, subscriber);
  publisher.peer.onCandidate((json) => subscriber.peer.addCandidate(json));
  subscriber.peer.onCandidate((json) => publisher.peer.addCandidate(json));
  const connect = () =>
    publisher.connect({
      iceServers,
      timeoutMs: 5_000,
      exchange: (sdp) => {
        const { promise, resolve } = Promise.withResolvers<string>();
        answered = resolve;
        subscriber.offer({ sdp, negotiationId: 7 });
        return withDeadline(promise, 5_000, "the answer");
      },
    });
  return { publisher, subscriber, packets, negotiationIds, failures, connect };
};

const arrived = async (packets: readonly unknown[], count: number): Promise<void> => {
  for (let waitedMs = 0; packets.length < count && waitedMs < 3_000; waitedMs += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

test("what the voice sends, the ears get: payload, numbers, level", async () => {
  const { publisher, packets, negotiationIds, failures, connect } = await pair();
  await connect();
  for (const index of [0, 1, 2]) {
    publisher.send({ opus: new Uint8Array([index, 2, 3]), levelDbov: 40 + index, voiced: true }, false);
  }
  await arrived(packets, 3);
  expect(packets.map(({ packet }) => [...packet.payload])).toEqual([0, 1, 2].map((index) => [index, 2, 3]));
  expect(packets.map(({ packet }) => packet.levelDbov)).toEqual([40, 41, 42]);
  const [first, second] = packets.map(({ packet }) => packet);
  expect(((second?.sequenceNumber ?? 0) - (first?.sequenceNumber ?? 0)) & 0xffff).toBe(1);
  expect(((second?.timestamp ?? 0) - (first?.timestamp ?? 0)) >>> 0).toBe(960);
  expect(first?.sequenceNumber).toBeLessThan(1_024);
  expect(negotiationIds).toEqual([7]);
  expect(failures).toEqual([]);
});

test("keys are imported once media flows, and asking earlier does no harm", async () => {
  const { publisher, subscriber, packets, connect } = await pair();
  publisher.peer.importKeys();
  subscriber.peer.importKeys();
  await connect();
  const frame = { opus: new Uint8Array([1, 2, 3]), levelDbov: 40, voiced: true };
  publisher.send(frame, false);
  await arrived(packets, 1);
  publisher.send(frame, false);
  await arrived(packets, 2);
  expect(packets.map(({ packet }) => [...packet.payload])).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  const contexts = [publisher, subscriber].flatMap(({ peer }) =>
    peer.connection.dtlsTransports.flatMap(({ srtp }) => [srtp.localContext, srtp.remoteContext]),
  );
  expect(contexts).toHaveLength(4);
  for (const { cipher } of contexts) expect(cipher.srtpSessionKey).toBeInstanceOf(KeyObject);
});

test("muted frames pass as time, so that the sequence has no gap", async () => {
  const { publisher, packets, connect } = await pair();
  await connect();
  const frame = { opus: new Uint8Array([1]), levelDbov: 30, voiced: true };
  publisher.send(frame, false);
  for (let muted = 0; muted < 10; muted += 1) publisher.send(frame, true);
  publisher.send(frame, false);
  await arrived(packets, 2);
  const [before, after] = packets.map(({ packet }) => packet);
  expect(((after?.sequenceNumber ?? 0) - (before?.sequenceNumber ?? 0)) & 0xffff).toBe(1);
  expect(((after?.timestamp ?? 0) - (before?.timestamp ?? 0)) >>> 0).toBe(11 * 960);
});

test("no STUN server is asked that nobody named", async () => {
  const { publisher, subscriber, connect } = await pair();
  await connect();
  for (const { peer } of [publisher, subscriber]) {
    const transports = peer.connection.iceTransports;
    expect(transports.length).toBeGreaterThan(0);
    expect(transports.map(({ connection }) => connection.stunServer)).toEqual(transports.map(() => undefined));
  }
});

test("a STUN server that is named is asked, and its silence costs a second at most", async () => {
  const named = { urls: ["stun:127.0.0.1:9"], username: "", credential: "" };
  const { publisher, connect } = await pair([named]);
  const [transport] = publisher.peer.connection.iceTransports;
  await connect();
  expect(transport?.connection.stunServer).toEqual(["127.0.0.1", 9]);
});

test("closing in the middle of a handshake ends it, and lets the process go", async () => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
  const before = timers();
  const { publisher, subscriber, connect } = await pair();
  const connecting = connect().catch(() => "closed");
  const flight = () => subscriber.peer.connection.dtlsTransports[0]?.dtls?.dtls.flight;
  const untilMs = performance.now() + 3_000;
  while (flight() !== 5 && performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
  expect(flight()).toBe(5);
  await Promise.all([publisher.close(), subscriber.close()]);
  expect(await connecting).toBe("closed");
  // The pause before the next sending has begun and is the last one; the first of them lasts half a second.
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(timers()).toBeLessThanOrEqual(before);
});

const notAnOffer = "v=0\r\nm=hologram 9 UDP/TLS/RTP/SAVPF 1\r\n";

test("an offer that is none is reported, and closing reports nothing", async () => {
  const { subscriber, failures } = await pair();
  subscriber.offer({ sdp: notAnOffer, negotiationId: 1 });
  await arrived(failures, 1);
  expect(failures).toHaveLength(1);
  await subscriber.close();
  subscriber.offer({ sdp: notAnOffer, negotiationId: 2 });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toHaveLength(1);
});

test("the offers speak Opus at 111 and the audio level, and hold one section", async () => {
  const { publisher } = await pair();
  const earsSdp = await Subscriber.codecOffer(silentLogger);
  for (const sdp of [publisher.offerSdp, earsSdp]) {
    expect(sdp).toContain("a=rtpmap:111 opus/48000/2");
    expect(sdp).toContain("urn:ietf:params:rtp-hdrext:ssrc-audio-level");
    expect(sdp.match(/^m=/gm)).toHaveLength(1);
  }
  expect(publisher.offerSdp).toContain("a=sendonly");
  expect(earsSdp).toContain("a=recvonly");
});
