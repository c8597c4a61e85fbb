import fc from "fast-check";
import { expect, test } from "vitest";
import { AudioPacketizer } from "../../bridge-task/stream/audio-packetizer.ts";

test("time moves with every frame, the sequence only with packets, through every wrap", () => {
  const start = fc.record({ sequenceNumber: fc.nat(0xffff), timestamp: fc.nat(0xffffffff) });
  fc.assert(
    fc.property(start, fc.array(fc.boolean(), { maxLength: 300 }), (first, frames) => {
      const packetizer = new AudioPacketizer(first);
      let sent = 0;
      for (const [index, isSent] of frames.entries()) {
        if (!isSent) {
          packetizer.skip();
          continue;
        }
        const { sequenceNumber, timestamp } = packetizer.send({ levelDbov: 30, voiced: true });
        expect(sequenceNumber).toBe((first.sequenceNumber + sent) % 0x10000);
        expect(timestamp).toBe((first.timestamp + index * 960) % 0x100000000);
        sent += 1;
      }
    }),
  );
});

test("the marker begins each talkspurt", () => {
  const packetizer = new AudioPacketizer({ sequenceNumber: 0, timestamp: 0 });
  const marks = [false, true, true, false, true].map((voiced) => packetizer.send({ levelDbov: 40, voiced }).marker);
  expect(marks).toEqual([false, true, false, false, true]);
});

test("the level byte carries voice and level, held to seven bits", () => {
  const packetizer = new AudioPacketizer({ sequenceNumber: 0, timestamp: 0 });
  expect(packetizer.send({ levelDbov: 30, voiced: true }).levelByte).toBe(0x80 | 30);
  expect(packetizer.send({ levelDbov: 127, voiced: false }).levelByte).toBe(127);
  expect(packetizer.send({ levelDbov: 400, voiced: false }).levelByte).toBe(127);
  expect(packetizer.send({ levelDbov: -3, voiced: true }).levelByte).toBe(0x80);
});
