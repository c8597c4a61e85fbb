import { levelDbov } from "./audio/level.ts";
import type { OpusEncoder } from "./audio/opus.ts";
import type { Playout } from "./audio/playout.ts";

/** One 20 ms packet for the SFU. `levelDbov` is RFC 6464's: 0 loudest, 127 silence. */
export interface OutboundPacket {
  opus: Uint8Array;
  levelDbov: number;
  voiced: boolean;
}

/** Opus needs a few frames of real silence to ring out; after that every silent packet is the same bytes. */
const ringOutFrames = 10;
const silenceLevelDbov = 127;

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

  nextPacket(): OutboundPacket {
    const { pcm, voiced } = this.#playout.nextFrame();
    if (voiced) {
      this.#silentFrames = 0;
      return { opus: this.#encoder.encode(pcm), levelDbov: levelDbov(pcm), voiced };
    }
    this.#silentFrames += 1;
    if (this.#silence === undefined || this.#silentFrames <= ringOutFrames) this.#silence = this.#encoder.encode(pcm);
    return { opus: this.#silence, levelDbov: silenceLevelDbov, voiced };
  }

  close(): void {
    this.#encoder.close();
  }
}
