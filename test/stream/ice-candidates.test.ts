import fc from "fast-check";
import { expect, test } from "vitest";
import { CandidateBuffer, parseCandidate, ufragOf } from "../../bridge-task/stream/ice-candidates.ts";

const candidate = (usernameFragment?: string, name = "candidate:1") => ({
  candidate: name,
  sdpMid: "0",
  ...(usernameFragment === undefined ? {} : { usernameFragment }),
});

test("candidates wait for the first description", () => {
  const buffer = new CandidateBuffer();
  expect(buffer.push(candidate("a"))).toEqual([]);
  expect(buffer.push(candidate())).toEqual([]);
  expect(buffer.described("a")).toEqual([candidate("a"), candidate()]);
  expect(buffer.push(candidate("a"))).toEqual([candidate("a")]);
});

test("candidates of the next generation wait for it, those of the last one are dropped", () => {
  const buffer = new CandidateBuffer();
  buffer.described("a");
  expect(buffer.push(candidate("b"))).toEqual([]);
  expect(buffer.described("b")).toEqual([candidate("b")]);
  expect(buffer.push(candidate("a"))).toEqual([]);
  expect(buffer.described("b")).toEqual([]);
});

test("a renegotiation of the same generation supersedes nothing", () => {
  const buffer = new CandidateBuffer();
  buffer.described("a");
  buffer.described("a");
  expect(buffer.push(candidate("a"))).toEqual([candidate("a")]);
});

test("no candidate is applied twice, none of a dropped generation, and the buffer stays bounded", () => {
  const step = fc.oneof(
    fc.record({ push: fc.constantFrom("a", "b", "c", undefined) }),
    fc.record({ describe: fc.constantFrom("a", "b", "c") }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const buffer = new CandidateBuffer();
      const applied = new Set<string>();
      let current: string | undefined;
      for (const [index, one] of steps.entries()) {
        const ready =
          "push" in one ? buffer.push(candidate(one.push, `candidate:${index}`)) : buffer.described(one.describe);
        if ("describe" in one) current = one.describe;
        expect(ready.length).toBeLessThanOrEqual(64);
        for (const { candidate: name, usernameFragment } of ready) {
          expect(applied.has(name)).toBe(false);
          applied.add(name);
          expect([undefined, current]).toContain(usernameFragment);
        }
      }
    }),
  );
});

test("the generation is read from the field, else from the text", () => {
  const text = "candidate:1 1 udp 2130706431 1.2.3.4 5 typ host ufrag XyZ network-cost 999";
  expect(parseCandidate(JSON.stringify({ candidate: text, sdpMid: "1" }))).toEqual({
    candidate: text,
    sdpMid: "1",
    usernameFragment: "XyZ",
  });
  expect(parseCandidate(JSON.stringify({ candidate: text, usernameFragment: "own" }))).toEqual({
    candidate: text,
    sdpMLineIndex: 0,
    usernameFragment: "own",
  });
});

test("what is no candidate is none, and nothing throws", () => {
  for (const json of ["", "null", "7", "[]", "{}", '{"candidate":""}', '{"candidate":5}', "candidate:1"]) {
    expect(parseCandidate(json)).toBeUndefined();
  }
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (json) => void parseCandidate(json)));
});

test("the generation of a description is its first ufrag", () => {
  expect(ufragOf("v=0\r\na=ice-ufrag:abc\r\na=ice-pwd:x\r\na=ice-ufrag:def\r\n")).toBe("abc");
  expect(ufragOf("v=0\r\n")).toBeUndefined();
});
