/** Zero crossings of the windowed sinc on each side: about 80 dB of stop band with the Blackman window. */
const lobes = 24;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

interface Kernel {
  up: number;
  down: number;
  reach: number;
  /** For each of the `up` phases, the taps from −reach to +reach. */
  phases: Float64Array[];
}

const kernels = new Map<string, Kernel>();

const kernelOf = (fromRate: number, toRate: number): Kernel => {
  const known = kernels.get(`${fromRate} ${toRate}`);
  if (known) return known;
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const [up, down] = [toRate / divisor, fromRate / divisor];
  // The narrower of the two bands, with 5 % for the filter's slope, in cycles per input sample × 2.
  const cutoff = 0.95 * Math.min(1, up / down);
  const reach = Math.ceil(lobes / cutoff);
  const phases = Array.from({ length: up }, (_, phase) => {
    const taps = Float64Array.from({ length: 2 * reach + 1 }, (_, tap) => {
      const x = tap - reach - phase / up;
      const position = Math.min(1, Math.abs(x) / (reach + 1));
      const window = 0.42 + 0.5 * Math.cos(Math.PI * position) + 0.08 * Math.cos(2 * Math.PI * position);
      const angle = Math.PI * cutoff * x;
      return window * cutoff * (angle === 0 ? 1 : Math.sin(angle) / angle);
    });
    // Each phase passes a constant unchanged; else the phases would differ a little and hum at the input rate.
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return taps.map((tap) => tap / sum);
  });
  const kernel = { up, down, reach, phases };
  kernels.set(`${fromRate} ${toRate}`, kernel);
  return kernel;
};

/** Changes the sample rate with a polyphase windowed sinc, without delay. */
export const resample = (pcm: Int16Array, fromRate: number, toRate: number): Int16Array => {
  if (fromRate === toRate) return pcm;
  const { up, down, reach, phases } = kernelOf(fromRate, toRate);
  const out = new Int16Array(Math.round((pcm.length * up) / down));
  for (let at = 0; at < out.length; at++) {
    const center = Math.floor((at * down) / up);
    const taps = phases[(at * down) % up] ?? new Float64Array();
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++) sum += (pcm[center + tap - reach] ?? 0) * (taps[tap] ?? 0);
    out[at] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return out;
};
