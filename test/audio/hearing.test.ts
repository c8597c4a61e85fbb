import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Hearing } from "../../bridge-task/audio/hearing.ts";
import { loadOpus } from "../../bridge-task/audio/opus.ts";
import { concat } from "../../bridge-task/audio/pcm.ts";
import { correlate, signal } from "../support/signals.ts";
import { numbered, packet, Room, times } from "./room.ts";

describe("Hearing, one speaker", () => {
  it("passes frames in order on at once, as they are", () => {
    const room = new Room();
    room.speak("a", numbered(20));
    expect(room.amplitudes).toEqual(numbered(20));
    expect(room.pieces.map(({ atMs }) => atMs)).toEqual(numbered(20, 0).map((index) => index * 20));
  });

  it("adds silence only after 60 ms without packets, then at real-time pace", () => {
    const room = new Room();
    room.speak("a", numbered(10));
    room.until(180 + 59);
    expect(room.heardMs).toBe(200);
    for (let nowMs = 260; nowMs < 3000; nowMs += 20) {
      const before = room.heardMs;
      room.until(nowMs);
      expect(room.heardMs - before).toBeLessThanOrEqual(40);
      expect(Math.abs(room.heardMs - nowMs)).toBeLessThanOrEqual(40);
    }
    expect(room.amplitudes.slice(10).every((amplitude) => amplitude === 0)).toBe(true);
  });

  it("makes the RTP timestamps the timeline, whether the sender's silence was filled meanwhile or not", () => {
    for (const gapMs of [20, 60, 100, 400, 1500]) {
      for (const ticking of [true, false]) {
        const room = new Room();
        room.speak("a", times(5, 3000));
        const back = packet(5, 5 * 960 + gapMs * 48, 4000);
        if (ticking) room.push(100 + gapMs, "a", back);
        else room.hearing.push("a", back, 100 + gapMs);
        expect(room.amplitudes).toEqual([...times(5, 3000), ...times(gapMs / 20, 0), 4000]);
      }
    }
  });

  it("conceals a lost packet once it is given up, and keeps the time of longer losses", () => {
    const room = new Room();
    room.speak("a", times(5, 3000));
    room.push(120, "a", packet(6, 6 * 960, 3000));
    expect(room.heardMs).toBe(100);
    room.speak("a", times(10, 3000), { fromMs: 140, sequence: 7, timestamp: 7 * 960 });
    expect(room.amplitudes).toEqual([...times(5, 3000), 1, ...times(11, 3000)]);
    room.speak("a", times(10, 3000), { fromMs: 540, sequence: 27, timestamp: 27 * 960 });
    room.until(800);
    expect(room.amplitudes.slice(0, 17 + 10 + 10)).toHaveLength(37);
    expect(room.amplitudes.filter((amplitude) => amplitude === 3000)).toHaveLength(26);
    expect(Math.abs(room.heardMs - 800)).toBeLessThanOrEqual(80);
  });

  it("loses no speech in a stall of the network, and drops the silence it put in only deep in a later pause", () => {
    const room = new Room();
    let sequence = 0;
    const say = (amplitudes: number[], fromMs: number) => {
      room.speak("a", amplitudes, { fromMs, sequence, timestamp: sequence * 960 });
      sequence += amplitudes.length;
    };
    say(numbered(10), 0);
    // 200 ms of packets come at once at their end.
    for (let late = 0; late < 10; late++) {
      room.push(400, "a", packet(sequence, sequence * 960, 2010 + late));
      sequence++;
    }
    say(numbered(20, 2020), 420);
    const stalled = room.amplitudes.filter((amplitude) => amplitude === 0).length * 20;
    expect(room.amplitudes.filter((amplitude) => amplitude > 0)).toEqual(numbered(40));
    expect(stalled).toBeGreaterThanOrEqual(100);
    // The pause is heard whole for its first second: the turn ends no later for it.
    const before = room.heardMs;
    say(times(50, 0), 820);
    expect(room.heardMs - before).toBe(1000);
    say(times(50, 0), 1820);
    expect(room.hearing.statistics().silenceDroppedMs).toBeGreaterThanOrEqual(stalled - 80);
    expect(room.heardMs - room.nowMs).toBeLessThanOrEqual(60);
  });

  it("waits longer than 60 ms on a network that jitters more", () => {
    const room = new Room();
    for (let index = 0; index < 200; index++) {
      room.push(
        index * 20 + (index % 10 === 9 ? 110 : index % 10 === 0 && index > 0 ? 95 : 0),
        "a",
        packet(index, index * 960, 3000),
      );
    }
    const heard = room.heardMs;
    room.until(room.nowMs + 90);
    expect(room.heardMs - heard).toBe(0);
    room.until(room.nowMs + 300);
    expect(room.heardMs).toBeGreaterThan(heard);
  });

  it("stays on time against a sender whose clock is off, by silence alone", () => {
    for (const parts of [0.9995, 1.0005]) {
      const room = new Room();
      let [index, loud] = [0, 0];
      // 3 s of speech and 3 s of quiet, for three minutes.
      for (let nowMs = 0; nowMs < 180_000; nowMs = index * 20 * parts) {
        const amplitude = index % 300 < 150 ? 3000 : 0;
        room.push(nowMs, "a", packet(index, index * 960, amplitude));
        if (amplitude > 0) loud++;
        index++;
      }
      const { silenceAddedMs, silenceDroppedMs } = room.hearing.statistics();
      expect(Math.abs(room.heardMs - room.nowMs)).toBeLessThanOrEqual(160);
      expect(Math.abs(index * 20 - room.nowMs)).toBeGreaterThan(60);
      expect(room.amplitudes.filter((amplitude) => amplitude > 0)).toHaveLength(loud);
      expect(silenceAddedMs + silenceDroppedMs).toBeLessThan(200);
    }
  });

  it("makes whole frames of packets of 10 ms, and fills the last one up in a pause", () => {
    const room = new Room();
    for (let index = 0; index < 5; index++) room.push(index * 10, "a", packet(index, index * 480, 3000, 10));
    expect(room.heardMs).toBe(40);
    room.until(500);
    const [pcm] = room.pieces.slice(2).map((piece) => piece.pcm);
    expect([pcm?.[239], pcm?.[240]]).toEqual([-3000, 0]);
    expect(Math.abs(room.heardMs - 500)).toBeLessThanOrEqual(40);
    room.push(520, "a", packet(5, 520 * 48, 4000, 10));
    room.push(530, "a", packet(6, 530 * 48, 4000, 10));
    expect(room.amplitudes.indexOf(4000)).toBe(26);
  });

  it("puts nothing in for a clock that was set anew", () => {
    const room = new Room();
    room.speak("a", times(5, 3000));
    room.push(100, "a", packet(5, 900_000_000, 4000));
    room.push(120, "a", packet(6, 5000, 5000));
    expect(room.amplitudes).toEqual([...times(5, 3000), 4000, 5000]);
  });

  it("says nothing before the first packet, and goes on with silence after the speaker left", () => {
    const room = new Room();
    room.until(1000);
    expect(room.heardMs).toBe(0);
    room.speak("a", times(10, 3000));
    room.hearing.remove("a");
    expect(room.opus.open).toBe(0);
    room.until(3000);
    expect(Math.abs(room.heardMs - 2000)).toBeLessThanOrEqual(40);
  });

  it("conceals a broken packet and survives garbage", () => {
    const room = new Room();
    room.speak("a", [3000, 0xff00, 3000]);
    room.hearing.push("a", { sequenceNumber: 3, timestamp: 0, payload: new Uint8Array() }, 60);
    expect(room.amplitudes).toEqual([3000, 1, 3000]);
    expect(room.hearing.statistics()).toMatchObject({ malformed: 1, concealedMs: 20, received: 3 });
  });

  it("brings real speech through 10 % loss with the in-band copies", async () => {
    const opus = await loadOpus();
    const heard: Int16Array[] = [];
    const hearing = new Hearing({ opus, onAudio: (pcm) => heard.push(pcm) });
    const encoder = opus.createEncoder();
    const pcm = signal("caller", 4000);
    for (let index = 0; index < 200; index++) {
      const payload = encoder.encode(pcm.slice(index * 480, (index + 1) * 480));
      hearing.tick(index * 20);
      if (index % 10 !== 7) hearing.push("a", { sequenceNumber: index, timestamp: index * 960, payload }, index * 20);
    }
    hearing.tick(4040);
    const { lost, fecMs } = hearing.statistics();
    expect(lost).toBe(20);
    expect(fecMs).toBeGreaterThan(200);
    expect(concat(heard)).toHaveLength(pcm.length);
    expect(correlate(concat(heard), pcm).score).toBeGreaterThan(0.8);
    encoder.close();
    hearing.close();
  });

  it("keeps each arrived packet once, in order, and the timeline near real time, on any network", () => {
    const fate = fc.record({
      lost: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.boolean() }),
      delayMs: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 150 }) },
      ),
      copies: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(2) }),
      pause: fc.oneof(
        { weight: 12, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 80 }) },
      ),
    });
    fc.assert(
      fc.property(
        fc.array(fate, { minLength: 2, maxLength: 120 }),
        fc.integer({ min: 0, max: 0xffff }),
        (fates, start) => {
          const room = new Room();
          let slot = 0;
          const arrivals = fates
            .flatMap(({ lost, delayMs, copies, pause }, index) => {
              slot += index === 0 ? 0 : 1 + pause;
              const rtp = packet(start + index, start * 70_000 + slot * 960, 2000 + index);
              if (lost && index > 0) return [];
              return times(copies, { rtp, atMs: slot * 20 + (index === 0 ? 0 : delayMs) });
            })
            .sort((a, b) => a.atMs - b.atMs);
          for (const { rtp, atMs } of arrivals) room.push(atMs, "a", rtp);
          const endMs = slot * 20 + 400;
          room.until(endMs);
          const spoken = room.amplitudes.filter((amplitude) => amplitude >= 2000);
          const { received, duplicate, late } = room.hearing.statistics();
          expect(spoken).toEqual([...new Set(spoken)].sort((a, b) => a - b));
          expect(spoken).toHaveLength(received - duplicate - late);
          expect(room.pieces.every(({ pcm }) => pcm.length % 480 === 0)).toBe(true);
          // Behind by what is still waited for, ahead by the silence of stalls, which only a long pause takes back.
          const stalledMs = fates.reduce((sum, { delayMs }) => sum + Math.max(0, delayMs - 60), 0);
          expect(room.heardMs).toBeGreaterThanOrEqual(endMs - 100);
          expect(room.heardMs).toBeLessThanOrEqual(endMs + 80 + stalledMs);
          room.hearing.close();
          expect(room.opus.open).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
