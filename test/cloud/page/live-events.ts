import type { CloudEvent } from "../event-log.ts";

/**
 * Follows the local cloud's event log. EventSource reconnects by itself and asks for what it missed; `onLost` is told when
 * it has to, `onFound` when it is back. Returns what ends it.
 */
export const followEvents = (
  url: string,
  handlers: { onEvent: (event: CloudEvent) => void; onLost: () => void; onFound: () => void },
): (() => void) => {
  const source = new EventSource(url);
  source.onmessage = ({ data }: MessageEvent<string>) => handlers.onEvent(JSON.parse(data) as CloudEvent);
  source.onerror = handlers.onLost;
  source.onopen = handlers.onFound;
  return () => source.close();
};
