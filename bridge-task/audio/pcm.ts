/** Everything inside is 24 kHz mono PCM16 in frames of 20 ms: Opus decodes and encodes at that rate, and the model speaks it. */
export const sampleRate = 24_000;
export const frameMs = 20;
export const frameSamples = 480;
export const samplesPerMs = sampleRate / 1000;

/** RTP's clock for Opus is 48 kHz whatever the codec runs at (RFC 7587 §4.1): two ticks for each of our samples. */
export const ticksPerMs = 48;
export const ticksPerSample = 2;

export const concat = (parts: readonly Int16Array[]): Int16Array => {
  const only = parts[0];
  if (parts.length === 1 && only) return only;
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
