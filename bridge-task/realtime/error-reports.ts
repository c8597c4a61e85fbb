import type { RealtimeError, RealtimeResponse } from "openai/resources/realtime/realtime";
import type { Logger } from "../log.ts";
import type { ErrorNotice } from "./client-events.ts";
import { classifyError, type ModelError, modelErrorOf } from "./model-errors.ts";
import type { Refusal } from "./session/updates.ts";

/** What becomes of an update that was refused, where that is better than it looks. */
const adviceOnUpdate: Partial<Record<Refusal, string>> = {
  repaired: "The rest of the update was sent again without it.",
  setting_lost: "The other settings of the update stand.",
};

export interface ErrorReportsOptions {
  tell: (notice: ErrorNotice) => void;
  /** No session will succeed until somebody changes something. */
  giveUp: (error: ModelError) => void;
  logger: Logger;
}

/** What becomes of an error: told to the application unless it is a harmless race, and the end where no session could succeed. */
export class ErrorReports {
  readonly #options: ErrorReportsOptions;
  #rotation: RealtimeError | undefined;

  constructor(options: ErrorReportsOptions) {
    this.#options = options;
  }

  /** What the server said of the session's end, if it did: a new session may go on. */
  get rotation(): RealtimeError | undefined {
    return this.#rotation;
  }

  /**
   * `about`: a `setting` that cannot be had (a transcription model, say) is no reason to end the session; what is `mended` is on
   * its way again, and the setting at fault will be named by itself.
   */
  report(
    upstream: RealtimeError,
    extra: { event_id?: string; advice?: string } = {},
    about: "session" | "setting" | "mended" = "session",
  ): void {
    const { tell, giveUp, logger } = this.#options;
    const { advice, ...row } = classifyError(upstream);
    const isOfRequest = about !== "session" && row.isOfRequest === true;
    const action = isOfRequest ? "ignore" : row.action;
    const advised = isOfRequest ? "The setting was left out; choose another value for it." : advice;
    const quiet = row.quiet || (about === "mended" && action !== "give_up");
    const { code, type, message, param } = upstream;
    logger[quiet ? "debug" : "warn"]("model_error", { code, type, param, action, "pii.message": message });
    if (action === "rotate") this.#rotation = upstream;
    if (!quiet) tell({ type: "error", error: upstream, message, action, advice: advised, ...extra });
    if (action === "give_up") giveUp(modelErrorOf(upstream, "model_lost"));
  }

  /** The server's error `eventId`; `update`: what it did to the session's settings. */
  reportAfter(update: Refusal, error: RealtimeError, eventId: string | undefined): void {
    const advice = adviceOnUpdate[update];
    const extra = { ...(eventId ? { event_id: eventId } : {}), ...(advice ? { advice } : {}) };
    const about = update === "no_update" ? "session" : update === "split" ? "mended" : "setting";
    this.report(error, extra, about);
  }

  /** A response that ended as failed. */
  failed({ status_details }: RealtimeResponse): void {
    const { code, type, message } = status_details?.error ?? {};
    this.report({ type: type ?? "server_error", code: code ?? null, message: message ?? "The response failed." });
  }
}
