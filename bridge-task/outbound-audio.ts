import { levelDbov, silenceDbov } from "./audio/level.ts";
import type { OpusEncoder } from "./audio/opus.ts";
import { frameSamples } from "./audio/pcm.ts";
import type { Playout } from "./audio/playout.ts";
import type { OutgoingAudio } from "./stream/stream-call.ts";

/** Opus needs a few frames of real silence to ring out; after that every silent packet is the same bytes. */
const ringOutFrames = 10;
const silentFrame = new Int16Array(frameSamples);

/** Turns the playout queue into one packet per tick. Silence goes on as packets, so that the RTP timeline never gaps. */
export class OutboundAudio {
  readonly #playout: Playout;
  readonly #encoder: OpusEncoder;
  #silentFrames = 0;
  #silence: Uint8Array | undefined;

  constructor(playout: Playout, encoder: OpusEncoder) {
    this.#playout = playout;
    this.#encoder = encoder;
  }

  /** The next 20 ms of what there is to say. */
  nextPacket(): OutgoingAudio {
    const { pcm, voiced } = this.#playout.nextFrame();
    if (!voiced) return this.silentPacket();
    this.#silentFrames = 0;
    return { opus: this.#encoder.encode(pcm), levelDbov: levelDbov(pcm), voiced };
  }

  /** 20 ms of silence; what there is to say waits. */
  silentPacket(): OutgoingAudio {
    this.#silentFrames += 1;
    const isRingingOut = this.#silentFrames <= ringOutFrames;
    if (this.#silence === undefined || isRingingOut) this.#silence = this.#encoder.encode(silentFrame);
    return { opus: this.#silence, levelDbov: silenceDbov, voiced: false };
  }

  close(): void {
    this.#encoder.close();
  }
}
