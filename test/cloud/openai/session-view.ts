import type { JsonObject } from "./json.ts";
import type { Session } from "./session.ts";

/** A session as the control routes show it. */
export const describeSession = (session: Session): JsonObject => ({
  id: session.id,
  model: session.config.model,
  openedAtMs: session.openedAtMs,
  closed: session.closed ?? null,
  inputMs: session.input.clockMs,
  isSpeaking: session.input.isSpeaking,
  activeResponseId: session.activeResponse?.id ?? null,
  config: session.config,
  items: session.items(),
});
