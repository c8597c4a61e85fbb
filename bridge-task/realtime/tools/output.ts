import { ToolError } from "./tool-error.ts";

/** A longer result would fill the model's context; it gets an error and the beginning instead. */
export const maxOutputBytes = 16_384;
const keptOfLongOutput = 2_000;

/** `bytes`: how long the result is. */
export const tooLongError = (name: string, bytes: number | string, output: string): ToolError =>
  new ToolError(
    `The result of ${name} is too long: ${bytes} bytes, at most ${maxOutputBytes}. Only its beginning is here.`,
    { failure: "too_long", beginning: output.slice(0, keptOfLongOutput) },
  );
