/** A complex FFT of one size (a power of two), in place on separate real and imaginary arrays. */
export class Fft {
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;
  readonly #reversed: Uint32Array;

  constructor(size: number) {
    if (size < 2 || (size & (size - 1)) !== 0) throw new Error(`FFT size ${size} is not a power of two`);
    this.size = size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / size));
    const bits = Math.log2(size);
    this.#reversed = Uint32Array.from({ length: size }, (_, k) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) reversed = (reversed << 1) | ((k >> bit) & 1);
      return reversed;
    });
  }

  forward(re: Float64Array, im: Float64Array): void {
    this.#transform(re, im);
  }

  /** Scaled by 1/size, so that it undoes forward(). */
  inverse(re: Float64Array, im: Float64Array): void {
    this.#transform(im, re);
    for (let k = 0; k < this.size; k++) {
      re[k] = (re[k] ?? 0) / this.size;
      im[k] = (im[k] ?? 0) / this.size;
    }
  }

  #transform(re: Float64Array, im: Float64Array): void {
    for (let k = 0; k < this.size; k++) {
      const other = this.#reversed[k] ?? 0;
      if (other <= k) continue;
      [re[k], re[other]] = [re[other] ?? 0, re[k] ?? 0];
      [im[k], im[other]] = [im[other] ?? 0, im[k] ?? 0];
    }
    for (let half = 1; half < this.size; half *= 2) {
      const stride = this.size / (2 * half);
      for (let k = 0; k < half; k++) {
        const cos = this.#cos[k * stride] ?? 0;
        const sin = this.#sin[k * stride] ?? 0;
        for (let even = k; even < this.size; even += 2 * half) {
          const odd = even + half;
          const oddRe = (re[odd] ?? 0) * cos - (im[odd] ?? 0) * sin;
          const oddIm = (re[odd] ?? 0) * sin + (im[odd] ?? 0) * cos;
          re[odd] = (re[even] ?? 0) - oddRe;
          im[odd] = (im[even] ?? 0) - oddIm;
          re[even] = (re[even] ?? 0) + oddRe;
          im[even] = (im[even] ?? 0) + oddIm;
        }
      }
    }
  }
}
