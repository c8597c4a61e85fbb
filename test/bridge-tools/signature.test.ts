import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSigned, signatureHeader } from "../../bridge-task/signature.ts";

const key = "the key of the deployment";
const nowMs = 1_800_000_000_900;
const body = '{"tool":"look_up","arguments":{"name":"Ann Löwe"}}';

describe("the signature", () => {
  it("is the time in seconds and the HMAC of time and body, as documented", () => {
    const hex = createHmac("sha256", key).update(`1800000000.${body}`).digest("hex");
    expect(signatureHeader(key, body, nowMs)).toBe(`t=1800000000,v1=${hex}`);
  });

  it("holds for any body and key, for five minutes, in either direction of two clocks", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string({ minLength: 1 }),
        fc.integer({ min: -299, max: 299 }),
        (text, own, offset) => {
          const header = signatureHeader(own, text, nowMs);
          expect(isSigned({ key: own, body: text, header, nowMs: nowMs + offset * 1_000 })).toBe(true);
        },
      ),
    );
    const header = signatureHeader(key, body, nowMs);
    for (const offsetMs of [-302_000, 302_000]) {
      expect(isSigned({ key, body, header, nowMs: nowMs + offsetMs })).toBe(false);
      expect(isSigned({ key, body, header, nowMs: nowMs + offsetMs, toleranceSeconds: 400 })).toBe(true);
    }
  });

  it("never holds without a key", () => {
    expect(isSigned({ key: "", body, header: signatureHeader("", body, nowMs), nowMs })).toBe(false);
  });

  it("does not hold for another body, key or time, nor for what is no signature", () => {
    const header = signatureHeader(key, body, nowMs);
    expect(isSigned({ key, body: `${body} `, header, nowMs })).toBe(false);
    expect(isSigned({ key: `${key}!`, body, header, nowMs })).toBe(false);
    expect(isSigned({ key, body, header: header.replace("t=1800000000", "t=1800000001"), nowMs })).toBe(false);
    const wrong = [undefined, "", "t=,v1=", header.toUpperCase(), header.slice(0, -1), `${header}0`, `${header},v1=00`];
    for (const each of wrong) expect(isSigned({ key, body, header: each, nowMs })).toBe(false);
  });
});
