/** Launches of one pair in `launchWindowMs`. */
export const launchLimit = 3;
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
