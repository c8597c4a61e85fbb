/** Level of PCM in dB below full scale: 0 loud, -100 digital silence (and below). */
export const dbfsOf = (pcm: Int16Array): number => {
  let energy = 0;
  for (const sample of pcm) energy += sample * sample;
  return energy === 0 ? -100 : Math.max(-100, 10 * Math.log10(energy / pcm.length / 32_768 ** 2));
};
