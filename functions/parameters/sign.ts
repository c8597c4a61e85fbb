import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { InvalidInputError } from "../../bridge-task/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Bytes = string | ArrayBuffer | ArrayBufferView;

const bytesOf = (data: Bytes): string | Uint8Array => {
  if (typeof data === "string") return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
};

/** SHA-256, or its HMAC where there is a key, in the shape that the signer takes. */
class Sha256 {
  readonly #key: Bytes | undefined;
  #hash: Hash | Hmac;

  constructor(key?: Bytes) {
    this.#key = key;
    this.#hash = this.#fresh();
  }

  #fresh(): Hash | Hmac {
    return this.#key === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(this.#key));
  }

  update(data: Bytes): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#fresh();
  }
}

export interface Unsigned {
  url: URL;
  body: string;
  /** As AWS signs it, e.g. "ssm". */
  service: string;
  headers: Record<string, string>;
  /** A function's region and credentials are in its environment. */
  environment: Environment;
}

/**
 * The headers of a POST to AWS, signed. The signer of the AWS SDK is in the bundles anyway; the client of a service with many
 * operations weighs up to 85 kB, which a function that starts while somebody waits can do without.
 */
export const signedHeaders = async ({
  url,
  body,
  service,
  headers,
  environment,
}: Unsigned): Promise<Record<string, string>> => {
  const { AWS_REGION: region, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!region || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    throw new InvalidInputError(
      "AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set: Lambda sets them for a function",
    );
  }
  const signer = new SignatureV4({
    service,
    region,
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    },
    sha256: Sha256,
  });
  const signed = await signer.sign({
    method: "POST",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { ...headers, host: url.host },
    body,
  });
  return signed.headers;
};
