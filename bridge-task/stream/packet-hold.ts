/**
 * Packets that came before somebody could take them, at most `limit` of them: beyond that the oldest go, because in a
 * conversation the latest words matter most.
 */
export class PacketHold<Packet> {
  readonly #limit: number;
  #packets: Packet[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(packet: Packet): void {
    this.#packets.push(packet);
    if (this.#packets.length > this.#limit) this.#packets.shift();
  }

  /** Hands out what is held, oldest first, and keeps nothing. */
  take(): Packet[] {
    const packets = this.#packets;
    this.#packets = [];
    return packets;
  }
}
