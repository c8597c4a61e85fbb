/** Launches of one pair in `launchWindowMs` that ended badly, or have not ended: against crash loops. */
export const launchLimit = 3;
/** The same with those that ended well: a person who comes and goes all the time starts no more tasks than these. */
export const launchLimitOfAll = 20;
export const launchWindowMs = 10 * 60_000;
/** A launch that has not confirmed for so long is asked for again. */
export const sweepAfterMs = 20_000;
/** A running task that has not written for so long is looked up in ECS. */
export const silentAfterMs = 30_000;
/** Unread letters of a pair; one more is refused. */
export const mailLimit = 20;
/** Of all unread letters as JSON; DynamoDB takes 400 kB an item. */
export const mailLimitBytes = 200_000;
/** Answers that are kept; the oldest go first. */
export const answerLimit = 10;
export const answersLimitBytes = 50_000;
/** By how much the clocks of Stream and AWS, and what the SFU and an event say of one moment, may differ. */
export const skewMs = 2_000;
/**
 * The same where the agent left because it saw nobody: whoever came so shortly before may have come after. A person who stays
 * alone is worse than a launch that finds nobody.
 */
export const emptySkewMs = 15_000;
