/** Deadlines of one participant, all in milliseconds. The defaults are those of Stream's own JavaScript client unless said otherwise. */
export interface StreamTimeouts {
  /** One REST request to the coordinator. */
  requestMs: number;
  /** Opening the SFU's WebSocket, up to the end of the HTTP upgrade. */
  socketOpenMs: number;
  /** From the JoinRequest to the JoinResponse. */
  joinResponseMs: number;
  /** One attempt of one request to the SFU. */
  rpcMs: number;
  /** From the answer to our offer until ICE and DTLS are up (what Stream's Python and Go clients allow). */
  mediaMs: number;
  /** How often the SFU is asked for a sign of life. */
  healthCheckMs: number;
  /** Silence of the SFU's socket after which it counts as lost: two health checks and some travel. */
  socketSilenceMs: number;
  /** Opening the socket of the call's events, up to Stream's yes. */
  eventsOpenMs: number;
  /** How often that socket is asked for a sign of life. */
  eventsHealthCheckMs: number;
  /** Its silence after which it counts as lost. */
  eventsSilenceMs: number;
  /** How long "the call's events arrive" is waited for at most, by those who wait for it. */
  watchingMs: number;
  /** When the SFU tells first of somebody's coming or going: how long the coordinator's own event may take (ours to choose). */
  eventWaitMs: number;
  /** When the coordinator says that the call is over: how long the SFU's word may take (ours to choose). */
  endGraceMs: number;
  /** When the SFU says that the call is over: how long the coordinator's last events may take (ours to choose). */
  lastEventsMs: number;
  /** Waiting outside a call: how often it is looked at, whatever its events tell (ours to choose). */
  lookMs: number;
  /** The same while nobody has created it, so that no events can tell (ours to choose). */
  lookForCallMs: number;
  /** Each step of a goodbye: telling the SFU, closing the socket, closing the peer connections. */
  leaveStepMs: number;
}

export const defaultTimeouts: StreamTimeouts = {
  requestMs: 5_000,
  socketOpenMs: 5_000,
  joinResponseMs: 5_000,
  rpcMs: 5_000,
  mediaMs: 15_000,
  healthCheckMs: 5_000,
  socketSilenceMs: 12_000,
  eventsOpenMs: 15_000,
  eventsHealthCheckMs: 25_000,
  eventsSilenceMs: 35_000,
  watchingMs: 3_000,
  eventWaitMs: 1_000,
  endGraceMs: 1_000,
  lastEventsMs: 500,
  lookMs: 10_000,
  lookForCallMs: 2_000,
  leaveStepMs: 800,
};
