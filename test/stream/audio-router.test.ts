import { expect, test } from "vitest";
import { AudioRouter, type IncomingAudio, microphonePrefix } from "../../bridge-task/stream/audio-router.ts";
import type { Participant } from "../../bridge-task/stream/participants.ts";

const person = (sessionId: string, isSelf = false): Participant => ({
  userId: `u-${sessionId}`,
  sessionId,
  name: "",
  isAgent: false,
  publishesAudio: true,
  isSelf,
});

const setUp = (known: Record<string, Participant>) => {
  const owners = new Map(Object.entries(known));
  const heard: IncomingAudio[] = [];
  const router = new AudioRouter({
    ownerOf: (prefix) => owners.get(prefix),
    deliver: (packet) => heard.push(packet),
  });
  const send = (streamId: string, sequenceNumber: number) =>
    router.push(streamId, { sequenceNumber, timestamp: 0, payload: new Uint8Array(1), levelDbov: undefined });
  const numbers = () => heard.map(({ sequenceNumber }) => sequenceNumber);
  return { owners, router, send, heard, numbers };
};

test("a stream names its participant by prefix, and its kind by name", () => {
  expect(microphonePrefix("abc:TRACK_TYPE_AUDIO:x1")).toBe("abc");
  expect(microphonePrefix("abc:TRACK_TYPE_SCREEN_SHARE_AUDIO:x1")).toBeUndefined();
  expect(microphonePrefix("abc:TRACK_TYPE_VIDEO:x1")).toBeUndefined();
  expect(microphonePrefix(":TRACK_TYPE_AUDIO:x1")).toBeUndefined();
  expect(microphonePrefix("-")).toBeUndefined();
});

test("a packet goes out under its speaker's name", () => {
  const { router, send, heard } = setUp({ p: person("a") });
  router.open();
  send("p:TRACK_TYPE_AUDIO:1", 7);
  expect(heard).toMatchObject([{ sessionId: "a", userId: "u-a", sequenceNumber: 7 }]);
});

test("what is said before the speaker is announced is kept and handed over in order", () => {
  const { owners, router, send, numbers } = setUp({});
  router.open();
  for (const number of [1, 2, 3]) send("p:TRACK_TYPE_AUDIO:1", number);
  router.reconcile();
  expect(numbers()).toEqual([]);
  owners.set("p", person("a"));
  router.reconcile();
  send("p:TRACK_TYPE_AUDIO:1", 4);
  expect(numbers()).toEqual([1, 2, 3, 4]);
});

test("what is said before anybody listens is kept, two seconds of it", () => {
  const { router, send, numbers } = setUp({ p: person("a") });
  for (let number = 0; number < 130; number += 1) send("p:TRACK_TYPE_AUDIO:1", number);
  expect(numbers()).toEqual([]);
  router.open();
  router.open();
  expect(numbers()).toEqual(Array.from({ length: 100 }, (_, index) => index + 30));
});

test("streams that nobody ever claims do not pile up", () => {
  const { owners, router, send, numbers } = setUp({});
  router.open();
  for (let stream = 0; stream < 20; stream += 1) send(`p${stream}:TRACK_TYPE_AUDIO:1`, stream);
  for (let stream = 0; stream < 20; stream += 1) owners.set(`p${stream}`, person(`s${stream}`));
  router.reconcile();
  expect(numbers()).toEqual(Array.from({ length: 16 }, (_, index) => index + 4));
});

test("our own voice is never heard", () => {
  const { router, send, numbers } = setUp({ p: person("me", true) });
  router.open();
  send("p:TRACK_TYPE_AUDIO:1", 1);
  expect(numbers()).toEqual([]);
});
