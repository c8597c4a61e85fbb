import type { IncomingMessage } from "node:http";

const maxBodyBytes = 16_384;

/** The body of an HTTP answer as text, at most 16 KiB of it: an error's body is short, or no use to us. */
export const readText = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    byteCount += (chunk as Buffer).length;
    if (byteCount >= maxBodyBytes) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, maxBodyBytes);
};

const certificateCodes = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** What to do about a certificate that Node does not trust; undefined for every other error. */
export const wrongCertificate = (cause: unknown): string | undefined => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return certificateCodes.has(code)
    ? `Its certificate is not trusted (${code}). For a server with its own CA, name the CA's file in NODE_EXTRA_CA_CERTS.`
    : undefined;
};
