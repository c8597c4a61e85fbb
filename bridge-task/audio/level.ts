const fullScale = 32_768;
export const silenceDbov = 127;

/** RFC 6464 audio level of a frame, as −dBov: 0 is the loudest, 127 digital silence. A full-scale sine is 3. */
export const levelDbov = (pcm: Int16Array): number => {
  let energy = 0;
  for (const sample of pcm) energy += sample * sample;
  if (energy === 0) return silenceDbov;
  const rms = Math.sqrt(energy / pcm.length) / fullScale;
  return Math.min(silenceDbov, Math.max(0, Math.round(-20 * Math.log10(rms))));
};
