import type { AudioPacket } from "./peer.ts";

export interface RecordedPacket extends AudioPacket {
  /** Epoch milliseconds at which the packet reached the SFU. */
  arrivalMs: number;
}

/** 10 minutes of 20 ms packets. */
const capacity = 30_000;

/** What one participant session sent, as it arrived; the oldest tenth goes when the bound is reached. */
export class Recording {
  readonly cid: string;
  readonly userId: string;
  readonly sessionId: string;
  #packets: RecordedPacket[] = [];
  #droppedCount = 0;

  constructor(who: { cid: string; userId: string; sessionId: string }) {
    this.cid = who.cid;
    this.userId = who.userId;
    this.sessionId = who.sessionId;
  }

  push(packet: RecordedPacket): void {
    this.#packets.push(packet);
    if (this.#packets.length <= capacity) return;
    this.#droppedCount += this.#packets.splice(0, capacity / 10).length;
  }

  get packets(): readonly RecordedPacket[] {
    return this.#packets;
  }

  /** Packets that were recorded and had to go again. */
  get droppedCount(): number {
    return this.#droppedCount;
  }
}
