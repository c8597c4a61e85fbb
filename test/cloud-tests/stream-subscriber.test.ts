import { afterEach, expect, it } from "vitest";
import { RTCPeerConnection, useAudioLevelIndication, useOPUS, useSdesMid } from "werift";
import type { AudioPacket } from "../cloud/stream/sfu/peer.ts";
import { Subscriber } from "../cloud/stream/sfu/subscriber.ts";

interface Offer {
  sdp: string;
  negotiationId: number;
  iceRestart: boolean;
}

/** A subscriber of the SFU and a client of it in one process; the test carries the offers over. */
const pair = () => {
  const offers: Offer[] = [];
  const waiting: (() => void)[] = [];
  const subscriber = new Subscriber({
    onOffer: (offer) => {
      offers.push(offer);
      for (const wake of waiting.splice(0)) wake();
    },
    onState: () => undefined,
    onFailure: (message) => expect.unreachable(message),
  });
  const client = new RTCPeerConnection({
    codecs: { audio: [useOPUS({ payloadType: 111 })], video: [] },
    headerExtensions: { audio: [useSdesMid(), useAudioLevelIndication()], video: [] },
    bundlePolicy: "max-bundle",
    iceServers: [],
  });
  const heard: { text: string; sequenceNumber: number; timestamp: number; level: unknown }[] = [];
  client.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe(({ header, payload }, extensions) => {
      const level: unknown = extensions?.["urn:ietf:params:rtp-hdrext:ssrc-audio-level"];
      heard.push({
        text: payload.toString(),
        sequenceNumber: header.sequenceNumber,
        timestamp: header.timestamp,
        level,
      });
    }),
  );
  const nextOffer = async (): Promise<Offer> => {
    while (offers.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return offers.shift() as Offer;
  };
  const answer = async (offer: Offer): Promise<boolean> => {
    await client.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    await client.setLocalDescription(await client.createAnswer());
    return subscriber.answered(client.localDescription?.sdp ?? "", offer.negotiationId);
  };
  const close = () => Promise.all([client.close(), subscriber.close()]);
  return { subscriber, client, heard, offers, nextOffer, answer, close };
};

const packet = (text: string, sequenceNumber = 7): AudioPacket => ({
  sequenceNumber,
  timestamp: 4_000_000_000,
  marker: false,
  payload: Buffer.from(text),
  levelDbov: 42,
  voiced: true,
});

let peers: ReturnType<typeof pair>;
afterEach(() => peers.close());

const arrives = async (sourceId: string, text: string) =>
  expect
    .poll(
      () => {
        peers.subscriber.send(sourceId, packet(text));
        return peers.heard.some((one) => one.text === text);
      },
      { timeout: 5_000, interval: 20 },
    )
    .toBe(true);

const mediaLines = (sdp: string) =>
  sdp
    .split("\r\nm=")
    .slice(1)
    .map((section) => ({
      port: Number(/^audio (\d+)/.exec(section)?.[1]),
      msid: /^a=msid:(\S+)/m.exec(section)?.[1],
      direction: /^a=(sendonly|inactive)\r?$/m.exec(section)?.[1],
    }));

it("offers one send-only m-line per source, holds changes back until the answer, and passes packets on as they were", async () => {
  peers = pair();
  peers.subscriber.add("alice", "prefix-a:TRACK_TYPE_AUDIO:x1");
  const first = await peers.nextOffer();
  expect(first).toMatchObject({ negotiationId: 1, iceRestart: false });
  expect(first.sdp).toContain("a=ice-lite");
  expect(first.sdp).toMatch(/a=candidate:.* 127\.0\.0\.1 \d+ typ host/);
  expect(mediaLines(first.sdp)).toMatchObject([{ msid: "prefix-a:TRACK_TYPE_AUDIO:x1", direction: "sendonly" }]);

  peers.subscriber.send("alice", packet("too early"));
  peers.subscriber.add("bob", "prefix-b:TRACK_TYPE_AUDIO:x2");
  peers.subscriber.add("carol", "prefix-c:TRACK_TYPE_AUDIO:x3");
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(peers.offers).toEqual([]);
  expect(await peers.answer(first)).toBe(true);
  const second = await peers.nextOffer();
  expect(second.negotiationId).toBe(2);
  expect(mediaLines(second.sdp)).toHaveLength(3);
  expect(await peers.subscriber.answered("late", 1)).toBe(false);
  await peers.answer(second);
  for (const source of ["alice", "bob", "carol"]) await arrives(source, `hello from ${source}`);
  expect(peers.heard.map(({ text }) => text)).not.toContain("too early");
  expect(peers.heard[0]).toMatchObject({ sequenceNumber: 7, timestamp: 4_000_000_000, level: { v: true, level: 42 } });
});

it("reuses the m-line of who has left for who comes, but for the first, which carries the transport", async () => {
  peers = pair();
  peers.subscriber.add("alice", "a:TRACK_TYPE_AUDIO:1");
  peers.subscriber.add("bob", "b:TRACK_TYPE_AUDIO:2");
  await peers.answer(await peers.nextOffer());
  await arrives("bob", "one");
  peers.subscriber.remove("alice");
  peers.subscriber.remove("bob");
  const without = await peers.nextOffer();
  expect(mediaLines(without.sdp)[0]?.direction).toBe("inactive");
  expect(mediaLines(without.sdp)[0]?.port).not.toBe(0);
  expect(mediaLines(without.sdp)[1]?.port).toBe(0);
  await peers.answer(without);
  peers.subscriber.add("carol", "c:TRACK_TYPE_AUDIO:3");
  const again = await peers.nextOffer();
  expect(mediaLines(again.sdp)).toHaveLength(2);
  expect(mediaLines(again.sdp)[1]?.msid).toBe("c:TRACK_TYPE_AUDIO:3");
  await peers.answer(again);
  await arrives("carol", "two");
});

it("a client that came back on a new socket gets a fresh offer in place of the one that it may have missed", async () => {
  peers = pair();
  peers.subscriber.add("alice", "a:TRACK_TYPE_AUDIO:1");
  await peers.answer(await peers.nextOffer());
  await arrives("alice", "before");
  peers.subscriber.add("bob", "b:TRACK_TYPE_AUDIO:2");
  const missed = await peers.nextOffer();
  await peers.subscriber.abandonPendingOffer();
  peers.subscriber.restartIce();
  const fresh = await peers.nextOffer();
  expect(fresh).toMatchObject({ negotiationId: missed.negotiationId + 1, iceRestart: true });
  expect(mediaLines(fresh.sdp)).toHaveLength(2);
  await peers.answer(fresh);
  // werift's own end of an ICE restart: see werift-workarounds.ts.
  for (const transport of peers.client.iceTransports) transport.start().catch(() => undefined);
  await arrives("bob", "after");
});
