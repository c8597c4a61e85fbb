/**
 * The loudness of 20 ms, in dBFS from −100 to 0. `atMs` is the audio context's clock, which a busy page does not hold up
 * and which all meters of a context share.
 */
export interface Level {
  levelDbfs: number;
  atMs: number;
}

export type OnLevel = (level: Level) => void;

/** Loads the processor that `meter` needs; once per context. */
export const prepareMeters = (context: AudioContext): Promise<void> => context.audioWorklet.addModule("/level.js");

/** Measures what flows out of `source` until the returned function is called. */
export const meter = (context: AudioContext, source: AudioNode, onLevel: OnLevel): (() => void) => {
  const node = new AudioWorkletNode(context, "level", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }: MessageEvent<Level>) => onLevel(data);
  source.connect(node);
  return () => {
    node.port.onmessage = null;
    source.disconnect(node);
  };
};
