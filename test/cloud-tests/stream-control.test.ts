import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeWav } from "../support/wav.ts";
import { startTestCloud, type TestCloud } from "./stream-support/cloud.ts";
import { join, type Voice } from "./stream-support/voice.ts";

let test: TestCloud;
beforeAll(async () => {
  test = await startTestCloud({ fastReconnectDeadlineSeconds: 1, sessionInactivitySeconds: 1 });
});
afterAll(() => test.cloud.close());

const closed = (voice: Voice) => new Promise<{ cause: string }>((resolve) => voice.call.on("closed", resolve));

const seen = (type: string, cid: string, fits: (data: Record<string, unknown>) => boolean = () => true) =>
  test.log.waitFor(
    (event) => event.type === type && event.data.cid === cid && fits(event.data),
    5_000,
    `${type} ${cid}`,
  );

it("tells who is in which call, and what they sent, as packets and as sound on the timeline of arrivals", async () => {
  const alice = await join(test, "heard", "alice");
  const bob = await join(test, "heard", "bob");
  const path = `/calls/default/heard/participants/${alice.call.sessionId}`;
  let heardByBob = 0;
  bob.call.on("audio", ({ sessionId, levelDbov }) => {
    if (sessionId === alice.call.sessionId && levelDbov === 12) heardByBob += 1;
  });
  await alice.speak(500);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await alice.speak(400);

  expect(await test.control("/calls/default/heard")).toMatchObject({
    cid: "default:heard",
    participants: [
      { userId: "alice", publishesAudio: true, isConnected: true, publisher: "connected", subscriber: "connected" },
      { userId: "bob", publisher: "connected", subscriber: "connected" },
    ],
  });
  expect(await test.control("/calls")).toHaveLength(1);
  const { packets } = await test.control(`${path}/packets`);
  expect(packets.length).toBeGreaterThanOrEqual(44);
  expect(packets.at(-1)).toMatchObject({ levelDbov: 12, voiced: true, byteCount: expect.any(Number) });
  const first = await seen("sfu.first_packet", "default:heard", ({ userId }) => userId === "alice");
  expect(first.data.arrivalMs).toBe(packets[0].arrivalMs);
  await seen("sfu.first_voiced_packet", "default:heard", ({ userId }) => userId === "alice");
  expect(heardByBob).toBeGreaterThan(30);

  const response = await test.cloud.control.request(`${path}/audio.wav`);
  expect(Number(response.headers.get("x-started-at-ms"))).toBe(packets[0].arrivalMs);
  const wav = decodeWav(new Uint8Array(await response.arrayBuffer()));
  expect(wav.sampleRate).toBe(24_000);
  const [pcm] = wav.channels;
  const loudAt = (ms: number) => Math.max(...(pcm?.subarray(ms * 24, (ms + 50) * 24) ?? [])) > 3_000;
  expect([loudAt(200), loudAt(750), loudAt(1_250)]).toEqual([true, false, true]);

  await alice.call.leave("done");
  expect(
    (await test.control("/calls/default/heard/recordings")).map(({ userId }: { userId: string }) => userId),
  ).toEqual(["alice", "bob"]);
  await bob.call.leave("done");
  await seen("call.session_ended", "default:heard");
});

it("ends, kicks, blocks, mutes, changes permissions and sends events as a moderator would", async () => {
  const alice = await join(test, "order", "alice");
  const bob = await join(test, "order", "bob");
  await bob.speak(100);
  await test.control("/calls/default/order/event", { userId: "alice", custom: { hi: 1 } });
  expect((await seen("custom", "default:order")).data).toMatchObject({ userId: "alice", custom: { hi: 1 } });
  await test.control("/calls/default/order/mute", { userId: "bob" });
  await seen("sfu.track_unpublished", "default:order", ({ userId }) => userId === "bob");
  await seen("call.user_muted", "default:order");
  await test.control("/calls/default/order/permissions", { userId: "alice", revoke: ["send-audio"] });
  await seen("sfu.track_unpublished", "default:order", ({ userId }) => userId === "alice");
  const bobClosed = closed(bob);
  await test.control("/calls/default/order/kick", { userId: "bob", block: true });
  expect((await bobClosed).cause).toBe("blocked");
  await expect(join(test, "order", "bob")).rejects.toThrow();
  const aliceClosed = closed(alice);
  await test.control("/calls/default/order/end", {});
  expect((await aliceClosed).cause).toBe("call_ended");
});

it("ends a session with everybody out and the call still there; ends a call with the SFU left in the dark", async () => {
  const alice = await join(test, "partly", "alice");
  const aliceClosed = closed(alice);
  await test.control("/calls/default/partly/end-session", {});
  await seen("call.session_ended", "default:partly");
  expect((await aliceClosed).cause).toBe("call_ended");
  const again = await join(test, "partly", "alice");
  await test.control("/calls/default/partly/end", { sfu: false, reason: "in the dark" });
  expect((await seen("call.ended", "default:partly")).data.reason).toBe("in the dark");
  expect((await test.control("/calls/default/partly")).participants).toHaveLength(1);
  await again.call.leave("done");
});

it("cuts a socket; who does not come back within the fast reconnect deadline has left", async () => {
  const alice = await join(test, "cut", "alice");
  const aliceClosed = closed(alice);
  expect(await test.control("/faults/close-sfu-socket", { cid: "default:cut", userId: "alice" })).toEqual({ count: 1 });
  await aliceClosed;
  expect((await seen("sfu.left", "default:cut")).data.reason).toBe("connection_lost");
});

it("sends any SFU event to those whom it is about", async () => {
  const alice = await join(test, "told", "alice");
  const bob = await join(test, "told", "bob");
  const aliceClosed = closed(alice);
  const body = { cid: "default:told", sessionId: alice.call.sessionId, event: "callEnded" };
  expect(await test.control("/faults/sfu-event", body)).toEqual({ count: 1 });
  expect((await aliceClosed).cause).toBe("call_ended");
  await expect(test.control("/faults/sfu-event", { event: "nonsense" })).rejects.toThrow("goAway");
  await bob.call.leave("done");
});

it("loses packets on the way in and on the way out", async () => {
  const alice = await join(test, "lossy", "alice");
  const bob = await join(test, "lossy", "bob");
  const path = `/calls/default/lossy/participants/${alice.call.sessionId}/packets`;
  let heard = 0;
  bob.call.on("audio", () => {
    heard += 1;
  });
  // What is on its way when a fault is set still arrives: each count begins after a while of it.
  await alice.speak(400);
  expect(heard).toBeGreaterThan(0);
  await test.control("/faults/packet-loss", { outgoing: 100 });
  await alice.speak(200);
  heard = 0;
  await alice.speak(200);
  expect(heard).toBe(0);
  await test.control("/faults/packet-loss", { incoming: 100 });
  await alice.speak(200);
  const before = (await test.control(path)).packetCount;
  await alice.speak(200);
  expect((await test.control(path)).packetCount).toBe(before);
  await test.control("/faults/packet-loss", {});
  await alice.call.leave("done");
  await bob.call.leave("done");
});

it("kills the whole SFU: everybody is out and nobody gets in until it is restored", async () => {
  const alice = await join(test, "dead", "alice");
  const aliceClosed = closed(alice);
  await test.control("/faults/kill-sfu", {});
  expect((await aliceClosed).cause).toBe("sfu_lost");
  expect((await test.control("/faults")).sfu.isDown).toBe(true);
  await expect(join(test, "dead", "alice")).rejects.toThrow();
  await test.control("/faults/restore-sfu", {});
  const back = await join(test, "dead", "alice");
  await back.call.leave("done");
}, 40_000);

it("stops answering the SFU's health checks", async () => {
  await test.control("/faults/health-checks", { sfu: false });
  expect((await test.control("/faults")).sfu.answersHealthChecks).toBe(false);
  await test.control("/faults/health-checks", {});
  expect((await test.control("/faults")).sfu.answersHealthChecks).toBe(true);
});

it("says so where there is nothing to find", async () => {
  await expect(test.control("/calls/default/none")).rejects.toThrow("404");
  await expect(test.control("/calls/default/none/participants/x/audio.wav")).rejects.toThrow("404");
});
