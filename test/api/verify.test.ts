import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { signatureHeader } from "../../bridge-task/signature.ts";
import { AgentsApiError, parseAgentsEvent, verifyAgentsSignature } from "../../functions/api/client.ts";

const key = "the-key-of-this-test";
const body = '{"type":"turn","text":"Grüße"}';
const nowMs = Date.UTC(2026, 0, 31, 12);

afterEach(() => void vi.useRealTimers());

const atTime = (ms: number) => vi.useFakeTimers({ now: ms, toFake: ["Date"] });

describe("a signature", () => {
  test("as the bridge makes it is good, over text and over bytes.", async () => {
    atTime(nowMs);
    const signature = signatureHeader(key, body, nowMs);
    expect(await verifyAgentsSignature({ body, signature, key })).toBe(true);
    expect(await verifyAgentsSignature({ body: new TextEncoder().encode(body), signature, key })).toBe(true);
  });

  test("is good with the key as it is read from a file.", async () => {
    atTime(nowMs);
    expect(await verifyAgentsSignature({ body, signature: signatureHeader(key, body, nowMs), key: `${key}\n` })).toBe(
      true,
    );
  });

  test("of anything else is not.", async () => {
    atTime(nowMs);
    const signature = signatureHeader(key, body, nowMs);
    const flipped = signature.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    for (const wrong of [
      { body: `${body} `, signature, key },
      { body, signature, key: `${key}x` },
      { body, signature: flipped, key },
      { body, signature: signature.replace(/^t=\d/, "t=2"), key },
      { body, signature: signature.toUpperCase(), key },
      { body, signature: signature.replace(/^t=\d+,/, ""), key },
      { body, signature: `${signature},v1=00`, key },
      { body, signature: "", key },
      { body, signature: null, key },
      { body, signature: undefined, key },
    ]) {
      expect(await verifyAgentsSignature(wrong)).toBe(false);
    }
  });

  test("is never good with an empty key, which everybody knows, or with none.", async () => {
    atTime(nowMs);
    const signature = signatureHeader("", body, nowMs);
    expect(await verifyAgentsSignature({ body, signature, key: "" })).toBe(false);
    expect(await verifyAgentsSignature({ body, signature, key: undefined })).toBe(false);
  });

  test("is good for five minutes before and after, or for as long as one says.", async () => {
    const signature = signatureHeader(key, body, nowMs);
    const isGood = (atMs: number, toleranceSeconds?: number) => {
      atTime(atMs);
      return verifyAgentsSignature({
        body,
        signature,
        key,
        ...(toleranceSeconds === undefined ? {} : { toleranceSeconds }),
      });
    };
    expect(await isGood(nowMs + 300_000)).toBe(true);
    expect(await isGood(nowMs + 300_001)).toBe(false);
    expect(await isGood(nowMs - 300_001)).toBe(false);
    expect(await isGood(nowMs + 10_001, 10)).toBe(false);
    expect(await isGood(nowMs, Number.NaN)).toBe(false);
  });

  test("holds for every text, and breaks with every change of it.", async () => {
    atTime(nowMs);
    const text = fc.string({ unit: "binary", maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(text, text, async (said, other) => {
        const signature = signatureHeader(key, said, nowMs);
        expect(await verifyAgentsSignature({ body: said, signature, key })).toBe(true);
        expect(await verifyAgentsSignature({ body: other, signature, key })).toBe(said === other);
      }),
      { numRuns: 50 },
    );
  });
});

describe("an event's body", () => {
  test("is read, also if its kind is not known yet.", () => {
    const event = { id: "1", type: "agent.invented_later", at: "2026-01-31T12:00:00.000Z", call: {}, agent: {} };
    expect(parseAgentsEvent(JSON.stringify(event))).toEqual(event);
  });

  test.each(["", "{", "null", "[]", '"turn"', "{}", '{"tool":"x","call":{}}'])("%j is none", (text) => {
    expect(() => parseAgentsEvent(text)).toThrow(AgentsApiError);
  });
});
