import { ApiError } from "./errors.ts";

/** Most bytes a request's body may have. */
export const maxBodyBytes = 256 * 1024;

const tooLarge = (): ApiError =>
  new ApiError(413, {
    error: "too_large",
    message: `the body is larger than ${maxBodyBytes} bytes: shorten instructions, schemas or data`,
  });

const read = async (stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** The JSON of a request's body. Rejects with ApiError: 413 too long, 400 no JSON. */
export const readJson = async (request: Request): Promise<unknown> => {
  if (Number(request.headers.get("content-length")) > maxBodyBytes) throw tooLarge();
  const bytes = await read(request.body);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // Bytes that are no UTF-8 and text that is no JSON are the same to the sender: not JSON.
    throw new ApiError(400, {
      error: "not_json",
      message:
        bytes.byteLength === 0
          ? "the body is empty: send a JSON object"
          : "the body is not JSON: send a JSON object in UTF-8",
    });
  }
};
