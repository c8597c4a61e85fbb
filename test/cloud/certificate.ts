import { generate } from "selfsigned";

/** PEM texts. `caPem` is what a client trusts (`NODE_EXTRA_CA_CERTS`, `ws` option `ca`); the other two are the server's. */
export interface Certificates {
  caPem: string;
  keyPem: string;
  certPem: string;
}

/**
 * A certificate authority that exists for this run only, and a server certificate signed by it for localhost and the
 * loopback addresses. The authority's private key is forgotten at once: nothing else can ever be signed by it.
 * Elliptic keys, because they are made in milliseconds; an address needs a SAN entry of its own type or Node refuses it.
 */
export const createCertificates = async (): Promise<Certificates> => {
  const authority = await generate([{ name: "commonName", value: "Local cloud, throw-away authority" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { caPem: authority.cert, keyPem: server.private, certPem: server.cert };
};
