/** How far one part of the agent's speech got. Times are whole milliseconds of audio, never of the wall clock. */
export interface SpokenPart {
  itemId: string;
  contentIndex: number;
  /** Audio that the mouth was given. */
  receivedMs: number;
  /** Audio that left for the call, in whole frames. */
  sentMs: number;
}

export interface AudioPart {
  itemId: string;
  contentIndex: number;
}

/** What the model side needs of a mouth, and all it knows of the call: 24 kHz mono PCM goes in, a cut tells what was sent. */
export interface Voice {
  append(part: AudioPart, pcm: Int16Array): void;
  /** No more audio for this item. */
  finish(itemId: string): void;
  /** Silence now. Returns each part that was not yet sent whole. */
  cut(): SpokenPart[];
  /** Resolves when all that it was given is sent or cut; at once when nothing waits. */
  drained(): Promise<void>;
}
