/** 16-bit PCM; one array per channel, all of the same length. */
export interface Wav {
  sampleRate: number;
  channels: Int16Array[];
}

const headerBytes = 44;

/** A RIFF/WAVE file of 16-bit PCM. Channels shorter than the longest are filled up with silence. */
export const encodeWav = ({ sampleRate, channels }: Wav): Buffer => {
  const frameCount = Math.max(0, ...channels.map((channel) => channel.length));
  const frameBytes = channels.length * 2;
  const bytes = Buffer.alloc(headerBytes + frameCount * frameBytes);
  bytes.write("RIFF", 0, "ascii");
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write("WAVEfmt ", 8, "ascii");
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(channels.length, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(sampleRate * frameBytes, 28);
  bytes.writeUInt16LE(frameBytes, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36, "ascii");
  bytes.writeUInt32LE(frameCount * frameBytes, 40);
  for (const [index, channel] of channels.entries()) {
    for (const [at, sample] of channel.entries()) bytes.writeInt16LE(sample, headerBytes + at * frameBytes + index * 2);
  }
  return bytes;
};

/** Reads 16-bit PCM from a RIFF/WAVE file, other chunks skipped. Throws for any other format. */
export const decodeWav = (bytes: Uint8Array): Wav => {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.toString("ascii", 0, 4) !== "RIFF" || file.toString("ascii", 8, 12) !== "WAVE") {
    throw new Error("not a RIFF/WAVE file: convert it to 16-bit PCM WAV");
  }
  let format: { channelCount: number; sampleRate: number } | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const name = file.toString("ascii", at, at + 4);
    // A file written to a pipe has no true lengths (0 or 0xffffffff): the data goes on to its end.
    const size = Math.min(file.readUInt32LE(at + 4) || file.length, file.length - at - 8);
    const body = file.subarray(at + 8, at + 8 + size);
    if (name === "fmt ") {
      const [encoding, bits] = [body.readUInt16LE(0), body.readUInt16LE(14)];
      const extensible = encoding === 0xfffe && body.length >= 26 && body.readUInt16LE(24) === 1;
      if ((encoding !== 1 && !extensible) || bits !== 16) {
        throw new Error(`WAV encoding ${encoding} with ${bits} bits: convert it to 16-bit PCM`);
      }
      format = { channelCount: body.readUInt16LE(2), sampleRate: body.readUInt32LE(4) };
    }
    if (name === "data" && format) return { sampleRate: format.sampleRate, channels: split(body, format.channelCount) };
    at += 8 + size + (size & 1);
  }
  throw new Error("the WAV file has no audio: its fmt or data chunk is missing");
};

const split = (body: Buffer, channelCount: number): Int16Array[] => {
  const frameCount = Math.floor(body.length / (2 * channelCount));
  return Array.from({ length: channelCount }, (_, index) =>
    Int16Array.from({ length: frameCount }, (_, at) => body.readInt16LE((at * channelCount + index) * 2)),
  );
};
