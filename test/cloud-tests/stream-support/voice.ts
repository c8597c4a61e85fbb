import { loadOpus } from "../../../bridge-task/audio/opus.ts";
import { silentLogger } from "../../../bridge-task/log.ts";
import { StreamCall } from "../../../bridge-task/stream/stream-call.ts";
import type { TestCloud } from "./cloud.ts";

/** Our own participant as a test subject of the cloud: it can speak a tone and be silent. */
export interface Voice {
  call: StreamCall;
  /** Sends a 440 Hz tone (-12 dBov) for so long, a packet every 20 ms. */
  speak(durationMs: number): Promise<void>;
}

export const join = async (test: TestCloud, id: string, userId: string): Promise<Voice> => {
  const opus = await loadOpus();
  const encoder = opus.createEncoder();
  const call = await StreamCall.join({
    streamClient: test.server,
    call: { type: "default", id },
    user: { id: userId },
    logger: silentLogger,
  });
  call.on("closed", () => encoder.close());
  let phase = 0;
  return {
    call,
    async speak(durationMs) {
      const startedAtMs = performance.now();
      for (let sentMs = 0; sentMs < durationMs; sentMs += 20) {
        const pcm = Int16Array.from({ length: 480 }, () => {
          phase += 1;
          return 11_000 * Math.sin((2 * Math.PI * 440 * phase) / 24_000);
        });
        call.sendAudio({ opus: encoder.encode(pcm), levelDbov: 12, voiced: true });
        const dueInMs = startedAtMs + sentMs + 20 - performance.now();
        await new Promise((resolve) => setTimeout(resolve, Math.max(1, dueInMs)));
      }
    },
  };
};
