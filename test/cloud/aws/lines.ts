import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A line longer than this many characters is handed on in pieces, so that no output can fill the memory. */
export const maxLineLength = 16_384;

/** Calls `onLine` for each line of a stream, the last one also without a line feed. */
export const readLines = (stream: Readable, onLine: (line: string) => void): void => {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const take = (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.replace(/\r$/, ""));
    for (; rest.length > maxLineLength; rest = rest.slice(maxLineLength)) onLine(rest.slice(0, maxLineLength));
  };
  stream.on("data", (chunk: Buffer) => take(decoder.write(chunk)));
  stream.on("end", () => {
    take(decoder.end());
    if (rest !== "") onLine(rest);
    rest = "";
  });
};
