import { BridgeError, type BridgeErrorOptions } from "../../errors.ts";

/** How a call ended without a result. */
export type ToolFailure = "failed" | "timed_out" | "too_long";

/** A tool that knows how it failed. The message goes to the model, which tells people about it: plain words, no secrets, no stack. */
export class ToolError extends BridgeError {
  readonly failure: ToolFailure;
  /** The first part of a result that is too long. */
  readonly beginning: string | undefined;

  constructor(
    message: string,
    {
      failure = "failed",
      beginning,
      ...options
    }: BridgeErrorOptions & { failure?: ToolFailure; beginning?: string } = {},
  ) {
    super(`tool_${failure}`, message, options);
    this.failure = failure;
    this.beginning = beginning;
  }
}
