import {
  Application,
  createDecoder,
  createEncoder,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
  Signal,
} from "libopus-wasm";
import { BridgeError, messageOf } from "../errors.ts";
import { sampleRate } from "./pcm.ts";

/** 24 kHz mono, one 20 ms frame (480 samples) per packet. */
export interface OpusEncoder {
  encode(pcm: Int16Array): Uint8Array;
  close(): void;
}

/** Any Opus packet in (mono or stereo, any frame length), 24 kHz mono out. Sample counts are multiples of 60 (2.5 ms), at most 2,880. */
export interface OpusDecoder {
  /** Throws OpusError for a packet that is not Opus. */
  decode(packet: Uint8Array): Int16Array;
  /** The audio before `nextPacket`, from its in-band copy; what the copy does not cover is concealed. */
  decodeFec(nextPacket: Uint8Array, sampleCount: number): Int16Array;
  conceal(sampleCount: number): Int16Array;
  close(): void;
}

export interface OpusEncoderOptions {
  /** Bits per second. Default 36,000: wide-band voice with room for the in-band FEC. */
  bitrate?: number;
  /** 0 to 10. Default 5: half the CPU of 9 for voice that sounds the same. */
  complexity?: number;
  /** What libopus plans its FEC for, in percent; 0 turns FEC off. Default 10. */
  expectedLossPercent?: number;
}

export interface OpusCodec {
  createEncoder(options?: OpusEncoderOptions): OpusEncoder;
  createDecoder(): OpusDecoder;
}

/** A packet or a call that libopus refuses. */
export class OpusError extends BridgeError {
  constructor(code: "opus_refused" | "opus_busy", message: string, cause?: unknown) {
    super(code, message, { cause, retryable: code === "opus_busy" });
  }
}

const refusing = <T>(what: string, work: () => T): T => {
  try {
    return work();
  } catch (cause) {
    throw new OpusError("opus_refused", `libopus cannot ${what}: ${messageOf(cause)}`, cause);
  }
};

/**
 * Keeps `size` handles ready, because libopus-wasm makes them only asynchronously, and a speaker's first packet must
 * not wait for a promise. A taken handle is replaced within the same turn of the event loop.
 */
class Spares<Handle> {
  readonly #make: () => Promise<Handle>;
  readonly #ready: Handle[] = [];
  readonly #what: string;

  constructor(what: string, make: () => Promise<Handle>) {
    this.#what = what;
    this.#make = make;
  }

  async fill(size: number): Promise<void> {
    while (this.#ready.length < size) this.#ready.push(await this.#make());
  }

  take(): Handle {
    const handle = this.#ready.pop();
    if (handle === undefined) {
      throw new OpusError(
        "opus_busy",
        `too many ${this.#what} asked for at once: ask again in the next event-loop turn`,
      );
    }
    // A failure here (out of memory) shows as opus_busy once the spares are used up.
    this.#make().then(
      (spare) => this.#ready.push(spare),
      () => undefined,
    );
    return handle;
  }
}

const wrapEncoder = (handle: OpusEncoderHandle, options: OpusEncoderOptions): OpusEncoder => {
  const { bitrate = 36_000, complexity = 5, expectedLossPercent = 10 } = options;
  handle.setBitrate(bitrate);
  handle.setComplexity(complexity);
  handle.setFec(expectedLossPercent > 0);
  handle.setPacketLossPercent(expectedLossPercent);
  return {
    encode: (pcm) => refusing("encode", () => handle.encode(pcm)),
    close: () => handle.free(),
  };
};

const wrapDecoder = (handle: OpusDecoderHandle): OpusDecoder => ({
  decode: (packet) => refusing("decode the packet", () => handle.decode(packet)),
  decodeFec: (packet, frameSize) =>
    refusing("decode the FEC", () => handle.decode(packet, { decodeFec: true, frameSize })),
  conceal: (sampleCount) => refusing("conceal", () => handle.decodePacketLoss(sampleCount)),
  close: () => handle.free(),
});

/** As many as may start in one turn of the event loop: a packet of each speaker that Hearing admits. */
const spareDecoderCount = 32;
const spareEncoderCount = 4;

const load = async (): Promise<OpusCodec> => {
  const encoders = new Spares("Opus encoders", () =>
    createEncoder({ sampleRate, channels: 1, application: Application.Voip, signal: Signal.Voice }),
  );
  const decoders = new Spares("Opus decoders", () => createDecoder({ sampleRate, channels: 1 }));
  await Promise.all([encoders.fill(spareEncoderCount), decoders.fill(spareDecoderCount)]);
  return {
    createEncoder: (options = {}) => wrapEncoder(encoders.take(), options),
    createDecoder: () => wrapDecoder(decoders.take()),
  };
};

let loaded: Promise<OpusCodec> | undefined;

/** Loads libopus (WebAssembly, about 10 ms) once per process; from then on everything is synchronous. */
export const loadOpus = (): Promise<OpusCodec> => {
  loaded ??= load();
  return loaded;
};
