/** What may go wrong in the SFU. Each holds until changed. */
export class SfuFaults {
  /**
   * Share of the publishers' packets that are lost on their way in, and of those lost on their way to each
   * subscriber.
   */
  lossPercent = { incoming: 0, outgoing: 0 };
  answersHealthChecks = true;
  /** These have no room for anybody new. */
  fullEdges: ReadonlySet<string> = new Set();
  /** The SFU is gone: sockets are refused, requests are cut off. */
  isDown = false;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  dropsIncoming(): boolean {
    return this.lossPercent.incoming > 0 && this.#random() * 100 < this.lossPercent.incoming;
  }

  dropsOutgoing(): boolean {
    return this.lossPercent.outgoing > 0 && this.#random() * 100 < this.lossPercent.outgoing;
  }
}
