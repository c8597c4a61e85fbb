declare module "@echogarden/fvad-wasm" {
  /** The part of libfvad's Emscripten module that is used. Handles and memory are addresses in its heap. */
  export interface FvadModule {
    readonly HEAP16: Int16Array;
    _malloc(bytes: number): number;
    _free(address: number): void;
    _fvad_new(): number;
    _fvad_free(handle: number): void;
    /** 0 (takes most for speech) to 3 (least). -1 if refused. */
    _fvad_set_mode(handle: number, mode: number): number;
    /** 8000, 16000, 32000 or 48000. -1 if refused. */
    _fvad_set_sample_rate(handle: number, rateHz: number): number;
    /** 1 speech, 0 none, -1 wrong length. Frames of 10, 20 or 30 ms. */
    _fvad_process(handle: number, frameAddress: number, sampleCount: number): number;
  }
  const load: () => Promise<FvadModule>;
  // biome-ignore lint/style/noDefaultExport: this is how the package exports it
  export default load;
}
