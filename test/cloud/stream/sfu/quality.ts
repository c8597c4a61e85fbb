import { ConnectionQuality } from "../../../../bridge-task/stream/generated/models_pb.js";

/**
 * How often a participant's connection is judged. Like the limits below our own choice: Stream does not publish its
 * rule.
 */
export const qualityIntervalMs = 2_000;
const excellentLossShare = 0.01;
const goodLossShare = 0.05;

/** What arrived of a publisher's packets since the last judgement. */
export interface ArrivalWindow {
  receivedCount: number;
  firstSequence: number;
  /** Sequence numbers after the first one, across the wrap. */
  span: number;
}

export const observeArrival = (window: ArrivalWindow | undefined, sequenceNumber: number): ArrivalWindow => {
  if (!window) return { receivedCount: 1, firstSequence: sequenceNumber, span: 0 };
  const distance = ((sequenceNumber - window.firstSequence) << 16) >> 16;
  return { ...window, receivedCount: window.receivedCount + 1, span: Math.max(window.span, distance) };
};

/** Who sent nothing gets no judgement. */
export const judge = (window: ArrivalWindow | undefined): ConnectionQuality | undefined => {
  if (!window) return undefined;
  const lossShare = Math.max(0, 1 - window.receivedCount / (window.span + 1));
  if (lossShare <= excellentLossShare) return ConnectionQuality.EXCELLENT;
  return lossShare <= goodLossShare ? ConnectionQuality.GOOD : ConnectionQuality.POOR;
};
