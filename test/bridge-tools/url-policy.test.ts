import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allowedAddresses, checkUrl, isAllowedAddress } from "../../bridge-task/outgoing/url-policy.ts";

const strict = { allowLoopback: false };
const local = { allowLoopback: true };

const refused = [
  // The credentials of the task, and of an instance.
  ...["169.254.170.2", "169.254.169.254", "fd00:ec2::254"],
  ...["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "255.255.255.255"],
  ...["192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1"],
  ...["::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1"],
  // An IPv4 address in the clothes of an IPv6 one, public or not.
  ...["::ffff:10.0.0.1", "::ffff:169.254.170.2", "::ffff:8.8.8.8", "::10.0.0.1", "64:ff9b::a9fe:aa02", "64:ff9b:1::1"],
  ...["2002:a9fe:aa02::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  ...["", "localhost", "8.8.8", "010.8.8.8", "0x08080808", "134744072", "8.8.8.8:80"],
];

describe("an address", () => {
  it.each(refused)("that is not plainly public is refused: %s", (address) => {
    expect(isAllowedAddress(address, strict, "https:")).toBe(false);
    expect(isAllowedAddress(address, local, "https:")).toBe(false);
  });

  it.each(["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::64"])(
    "that is public is allowed by https: %s",
    (address) => {
      expect(isAllowedAddress(address, strict, "https:")).toBe(true);
      expect(isAllowedAddress(address, local, "http:")).toBe(false);
    },
  );

  it.each(["127.0.0.1", "127.9.9.9", "::1"])(
    "of this machine is allowed where all of the cloud is local: %s",
    (address) => {
      expect(isAllowedAddress(address, strict, "https:")).toBe(false);
      expect(isAllowedAddress(address, local, "http:")).toBe(true);
      expect(isAllowedAddress(address, local, "https:")).toBe(true);
    },
  );

  it("of a private network is refused, whichever it is", () => {
    const byte = fc.nat(255);
    const network = fc.oneof(
      fc.tuple(fc.constant(10), byte),
      fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 })),
      fc.tuple(fc.constant(192), fc.constant(168)),
      fc.tuple(fc.constant(169), fc.constant(254)),
    );
    fc.assert(
      fc.property(network, byte, byte, ([a, b], c, d) => {
        expect(isAllowedAddress(`${a}.${b}.${c}.${d}`, strict, "https:")).toBe(false);
        expect(isAllowedAddress(`::ffff:${a}.${b}.${c}.${d}`, strict, "https:")).toBe(false);
      }),
    );
  });
});

describe("a URL", () => {
  it.each([
    ["http://example.com/", /begin with https:\/\//],
    ["ftp://example.com/", /begin with https:\/\//],
    ["example.com/path", /must be a URL/],
    ["https://ann:secret@example.com/", /must not hold a user or a password/],
    ["https://169.254.170.2/v2/credentials", /169\.254\.170\.2 is not a public address/],
    // Every way to write it, as the URL parser knows them.
    ["https://2852039170/", /169\.254\.170\.2 is not/],
    ["https://0xa9.0xfe.0xaa.2/", /169\.254\.170\.2 is not/],
    ["https://[::ffff:169.254.170.2]/", /::ffff:a9fe:aa02 is not/],
    ["https://127.0.0.1/", /127\.0\.0\.1 is not/],
  ])("that is never posted to is refused before anything is sent: %s", (url, message) => {
    expect(() => checkUrl(url, strict, "events.url")).toThrow(message);
    expect(() => checkUrl(url, strict, "events.url")).toThrow(/^events\.url must/);
  });

  it("may be plain http on this machine only, and only where all of the cloud is local", () => {
    expect(checkUrl("http://127.0.0.1:3000/tool", local, "url").port).toBe("3000");
    expect(() => checkUrl("http://8.8.8.8/", local, "url")).toThrow(/not a public address/);
    expect(() => checkUrl("http://127.0.0.1/", strict, "url")).toThrow(/https/);
  });

  it("keeps of its host's addresses those that are public", async () => {
    const lookup = async () => [
      { address: "10.1.2.3", family: 4 },
      { address: "93.184.215.14", family: 4 },
      { address: "::ffff:10.1.2.3", family: 6 },
    ];
    const url = new URL("https://example.com/");
    expect(await allowedAddresses(url, { ...strict, lookup })).toEqual([{ address: "93.184.215.14", family: 4 }]);
  });
});
