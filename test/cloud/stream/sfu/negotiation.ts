/**
 * Where the subscriber's offer/answer exchange stands. Only one offer is out at a time; what changes meanwhile goes
 * into the next one.
 */
export interface Negotiation {
  /** Id of the last offer made; the first one is 1. */
  lastId: number;
  /** The offer that waits for its answer. */
  pendingId: number | undefined;
  /** Something changed that no offer has told yet. */
  isDirty: boolean;
  wantsIceRestart: boolean;
}

export const newNegotiation: Negotiation = {
  lastId: 0,
  pendingId: undefined,
  isDirty: false,
  wantsIceRestart: false,
};

export const changed = (state: Negotiation): Negotiation => ({ ...state, isDirty: true });

export const iceRestartWanted = (state: Negotiation): Negotiation => ({
  ...state,
  isDirty: true,
  wantsIceRestart: true,
});

export interface NextOffer {
  negotiationId: number;
  iceRestart: boolean;
}

/** The offer to make now, if one is due and none is out. */
export const nextOffer = (state: Negotiation): { state: Negotiation; offer: NextOffer | undefined } => {
  if (!state.isDirty || state.pendingId !== undefined) return { state, offer: undefined };
  const negotiationId = state.lastId + 1;
  return {
    state: { lastId: negotiationId, pendingId: negotiationId, isDirty: false, wantsIceRestart: false },
    offer: { negotiationId, iceRestart: state.wantsIceRestart },
  };
};

/**
 * An answer counts only for the offer that is out; a late one for an older offer does not. A client that sends no id
 * (0) means that one.
 */
export const acceptsAnswer = (state: Negotiation, negotiationId: number): boolean =>
  state.pendingId !== undefined && (negotiationId === 0 || negotiationId === state.pendingId);

export const answered = (state: Negotiation): Negotiation => ({ ...state, pendingId: undefined });
