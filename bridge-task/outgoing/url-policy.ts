import { lookup as resolve } from "node:dns/promises";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { InvalidInputError } from "../errors.ts";

/** An address of a host, as `dns.lookup` gives it. */
export interface ResolvedAddress {
  address: string;
  family: number;
}

/** Where the bridge may post to: any public address by https, and nothing else. */
export interface UrlPolicy {
  /** This machine may be reached too, also by plain http: only where all of the cloud is local. */
  allowLoopback: boolean;
  /** All addresses of a host. Default: those of the system's resolver. */
  lookup?: (hostname: string) => Promise<ResolvedAddress[]>;
}

/** What IANA hands out as global unicast for IPv6; all of the rest is special in some way. */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

const isPublic = (address: ipaddr.IPv4 | ipaddr.IPv6): boolean =>
  address.range() === "unicast" && (address instanceof ipaddr.IPv4 || address.match(globalUnicast));

/**
 * Whether the policy lets the bridge connect to this address. Private, link-local, metadata (169.254.170.2 holds the task's
 * credentials), carrier, documentation and multicast addresses are refused, and so is every way to write an IPv4 address
 * as an IPv6 one (mapped, 6to4, NAT64): whatever is not plainly public.
 */
export const isAllowedAddress = (text: string, { allowLoopback }: UrlPolicy, protocol: string): boolean => {
  if (isIP(text) === 0) return false;
  const address = ipaddr.parse(text);
  if (address.range() === "loopback") return allowLoopback;
  return protocol === "https:" && isPublic(address);
};

/** The host of a URL without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, "$1");

/** A URL that the policy can allow; its host's addresses are judged when it is connected to. Throws InvalidInputError that names `what`. */
export const checkUrl = (text: string, policy: UrlPolicy, what: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new InvalidInputError(`${what} must be a URL such as https://example.com/path`);
  const isHttp = url.protocol === "http:" && policy.allowLoopback;
  if (url.protocol !== "https:" && !isHttp) throw new InvalidInputError(`${what} must begin with https://`);
  if (url.username !== "" || url.password !== "") {
    throw new InvalidInputError(`${what} must not hold a user or a password: its receiver checks the signature`);
  }
  const host = hostOf(url);
  if (isIP(host) !== 0 && !isAllowedAddress(host, policy, url.protocol)) {
    throw new InvalidInputError(`${what} must have a public host, and ${host} is not a public address`);
  }
  return url;
};

/** The addresses of a host that may be connected to; none where it has none, or none that the policy allows. */
export const allowedAddresses = async (url: URL, policy: UrlPolicy): Promise<ResolvedAddress[]> => {
  const { lookup = (hostname: string) => resolve(hostname, { all: true }) } = policy;
  const addresses = await lookup(hostOf(url));
  return addresses.filter(({ address }) => isAllowedAddress(address, policy, url.protocol));
};
