import { createHash } from "node:crypto";
import { checkNeeds, type Guard } from "./authorization.ts";
import { AwsError } from "./aws-error.ts";
import { xmlOf } from "./sts-api.ts";

export interface S3Request {
  method: string;
  url: URL;
  header(name: string): string | undefined;
  body: Buffer;
  accessKeyId: string;
}

/** All objects together; a bundle has a few megabytes. */
const maxBytes = 512 * 1024 * 1024;

/** The content of a body that came in chunks with a signature of their own each, or with a trailer. */
export const decodeChunks = (body: Buffer): Buffer => {
  const parts: Buffer[] = [];
  for (let position = 0; position < body.length; ) {
    const lineEnd = body.indexOf("\r\n", position);
    const size = Number.parseInt(body.subarray(position, lineEnd).toString().split(";")[0] ?? "", 16);
    if (lineEnd < 0 || !(size > 0)) break;
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
};

const contentOf = ({ header, body }: S3Request): Buffer => {
  const isChunked =
    /aws-chunked/.test(header("content-encoding") ?? "") || /^STREAMING-/.test(header("x-amz-content-sha256") ?? "");
  return isChunked ? decodeChunks(body) : body;
};

const etagOf = (content: Buffer): string => `"${createHash("md5").update(content).digest("hex")}"`;

const xml = (status: number, body: string): Response =>
  new Response(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`, {
    status,
    headers: { "content-type": "application/xml" },
  });

const actionOf = (method: string, key: string): string => {
  if (method === "GET" || method === "HEAD") return key === "" ? "s3:ListBucket" : "s3:GetObject";
  if (method === "DELETE") return key === "" ? "s3:DeleteBucket" : "s3:DeleteObject";
  return key === "" ? "s3:CreateBucket" : "s3:PutObject";
};

/** S3 in path style, as far as the deploy's command line uses it: objects in memory, in buckets that are there when named. */
export class S3 {
  readonly #objects = new Map<string, Buffer>();
  readonly #guard: Guard;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** Never rejects for what S3 refuses: that is answered. */
  answer(request: S3Request): Response {
    const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(decodeURIComponent(request.url.pathname)) ?? [];
    try {
      const resource = `arn:aws:s3:::${bucket}${key === "" ? "" : `/${key}`}`;
      checkNeeds(this.#guard, request.accessKeyId, [{ action: actionOf(request.method, key), resource }], 403);
      return key === "" ? this.#ofBucket(bucket, request) : this.#ofObject(`${bucket}/${key}`, request);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      const code = error.code === "AccessDeniedException" ? "AccessDenied" : error.code;
      const body = request.method === "HEAD" ? "" : `<Code>${code}</Code><Message>${xmlOf(error.message)}</Message>`;
      return xml(error.status, `<Error>${body}</Error>`);
    }
  }

  #ofBucket(bucket: string, { method, url, body }: S3Request): Response {
    if (method === "GET" && url.searchParams.has("location")) return xml(200, "<LocationConstraint/>");
    if (method === "GET") return this.#list(bucket, url.searchParams.get("prefix") ?? "");
    if (method === "POST" && url.searchParams.has("delete")) {
      for (const [, key = ""] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g))
        this.#objects.delete(`${bucket}/${key}`);
      return xml(200, "<DeleteResult/>");
    }
    // Made, set up, looked for or deleted: no bucket is ever missing here.
    return new Response(null, { status: method === "DELETE" ? 204 : 200 });
  }

  #list(bucket: string, prefix: string): Response {
    const found = [...this.#objects].filter(([path]) => path.startsWith(`${bucket}/${prefix}`));
    const contents = found.map(
      ([path, content]) =>
        `<Contents><Key>${xmlOf(path.slice(bucket.length + 1))}</Key><Size>${content.length}</Size></Contents>`,
    );
    const head = `<Name>${xmlOf(bucket)}</Name><KeyCount>${found.length}</KeyCount><IsTruncated>false</IsTruncated>`;
    return xml(200, `<ListBucketResult>${head}${contents.join("")}</ListBucketResult>`);
  }

  #ofObject(path: string, request: S3Request): Response {
    const known = this.#objects.get(path);
    const { method } = request;
    if (method === "PUT") return this.#put(path, contentOf(request), request.header("if-none-match") === "*");
    if (method === "DELETE") {
      this.#objects.delete(path);
      return new Response(null, { status: 204 });
    }
    if (known === undefined) throw new AwsError("NoSuchKey", "The specified key does not exist.", { status: 404 });
    const headers = { etag: etagOf(known), "content-length": String(known.length) };
    return new Response(method === "HEAD" ? null : new Uint8Array(known), { headers });
  }

  #put(path: string, content: Buffer, isOnlyNew: boolean): Response {
    if (isOnlyNew && this.#objects.has(path)) {
      throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
        status: 412,
      });
    }
    const others = [...this.#objects].filter(([other]) => other !== path);
    if (others.reduce((sum, [, { length }]) => sum + length, content.length) > maxBytes) {
      throw new AwsError("ServiceUnavailable", "The local cloud keeps no more objects", { status: 503 });
    }
    this.#objects.set(path, content);
    return new Response(null, { headers: { etag: etagOf(content) } });
  }
}
