import type { ClientOptions } from "ws";
import type { Logger } from "../log.ts";
import type { SessionUpdate } from "./session/keys.ts";
import type { NewTool } from "./tools/toolbox.ts";
import type { Voice } from "./voice.ts";

export interface ModelSessionOptions {
  apiKey: string;
  /** Default: gpt-realtime-2.1. */
  model?: string | undefined;
  /** Any OpenAI-compatible server, `https://host/v1`. Default: OpenAI's own. */
  baseUrl?: string | undefined;
  voice: Voice;
  logger: Logger;
  /** On top of the defaults of `defaultSession()`, in force before any audio is heard. */
  session?: SessionUpdate | undefined;
  /** Tools that the session has from the beginning; more may be added. */
  tools?: readonly NewTool[] | undefined;
  /** Keep the sound of every item in `item.formatted.audio`: 2.9 MB a minute. Default: false. */
  keepAudio?: boolean | undefined;
  /**
   * Passed to the `ws` constructor, for example `{ ca }`.
   * @internal `ws` brings no types of its own to those who use the package.
   */
  wsOptions?: ClientOptions | undefined;
  /** For the socket to open, and again for the settings to be accepted. Default 10,000. */
  connectTimeoutMs?: number | undefined;
  /** Gives connecting up; afterwards it has no effect. */
  signal?: AbortSignal | undefined;
  /** Most audio kept while it may not be sent yet; then the oldest goes first. Default 30,000. */
  maxHeldAudioMs?: number | undefined;
  /** See ConnectionOptions. */
  pingIntervalMs?: number | undefined;
  pongTimeoutMs?: number | undefined;
}
