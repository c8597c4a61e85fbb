/** A remote ICE candidate as it travels (RTCIceCandidateInit). */
export interface RemoteCandidate {
  candidate: string;
  sdpMid?: string;
  sdpMLineIndex?: number;
  usernameFragment?: string;
}

/** Reads the JSON text of an ICETrickle; undefined for anything that is not a candidate (end marks, other text). */
export const parseCandidate = (json: string): RemoteCandidate | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // A candidate that cannot be read is one path fewer, no reason to lose the connection.
    return undefined;
  }
  const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = (value ?? {}) as Record<string, unknown>;
  if (typeof candidate !== "string" || candidate === "") return undefined;
  const ufrag =
    typeof usernameFragment === "string" && usernameFragment !== ""
      ? usernameFragment
      : / ufrag (\S+)/.exec(candidate)?.[1];
  return {
    candidate,
    // Everything is bundled into the first section, so a candidate that names none belongs there.
    ...(typeof sdpMid === "string"
      ? { sdpMid }
      : { sdpMLineIndex: typeof sdpMLineIndex === "number" ? sdpMLineIndex : 0 }),
    ...(ufrag === undefined ? {} : { usernameFragment: ufrag }),
  };
};

/** The ICE generation of a description: its first ufrag. */
export const ufragOf = (sdp: string): string | undefined => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];

/** More candidates than any SFU sends before its description; the oldest are dropped beyond. */
const waitingLimit = 64;

/**
 * Holds candidates until the description that they belong to is applied. Candidates of a generation that was replaced
 * are dropped; those without a generation belong to whatever is current.
 */
export class CandidateBuffer {
  #current: string | undefined;
  #isDescribed = false;
  readonly #superseded = new Set<string>();
  #waiting: RemoteCandidate[] = [];

  /** Returns what may be applied now. */
  push(candidate: RemoteCandidate): RemoteCandidate[] {
    const { usernameFragment: ufrag } = candidate;
    if (ufrag !== undefined && this.#superseded.has(ufrag)) return [];
    if (this.#isDescribed && (ufrag === undefined || ufrag === this.#current)) return [candidate];
    this.#waiting.push(candidate);
    if (this.#waiting.length > waitingLimit) this.#waiting.shift();
    return [];
  }

  /** A remote description with this generation was applied. Returns what waited for it. */
  described(ufrag: string | undefined): RemoteCandidate[] {
    if (this.#isDescribed && this.#current !== undefined && this.#current !== ufrag)
      this.#superseded.add(this.#current);
    this.#isDescribed = true;
    this.#current = ufrag;
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting.flatMap((candidate) => this.push(candidate));
  }
}
