import type { Caps } from "../config.ts";
import type { LiveClaim } from "./calls-table.ts";

/** Earlier claims rank before later ones; of two at the same millisecond, one of them does for everybody. */
const inOrder = (one: LiveClaim, other: LiveClaim): number =>
  one.claimedAtMs - other.claimedAtMs || (one.launchId < other.launchId ? -1 : one.launchId > other.launchId ? 1 : 0);

/**
 * Which cap a claim is over, by its rank among the claims that are live: a pure function, so that of many claims made at
 * once each process draws the line at the same place. Claims over a cap need not be left out of `claims`: they rank
 * behind those that fill it.
 */
export const capExceeded = (
  mine: LiveClaim,
  claims: readonly LiveClaim[],
  { agentsPerCall, callsAtOnce }: Caps,
): "agents_per_call" | "calls_at_once" | undefined => {
  const others = claims.filter(({ launchId }) => launchId !== mine.launchId);
  const before = (first: LiveClaim) => others.filter((claim) => inOrder(claim, first) < 0);
  const earlierInCall = before(mine).filter(({ cid, userId }) => cid === mine.cid && userId !== mine.userId);
  if (earlierInCall.length >= agentsPerCall) return "agents_per_call";
  // A call ranks by its first agent: with that one over the cap, the next is too.
  const [first = mine] = earlierInCall.toSorted(inOrder);
  const earlierCalls = new Set(before(first).map(({ cid }) => cid));
  earlierCalls.delete(mine.cid);
  return earlierCalls.size >= callsAtOnce ? "calls_at_once" : undefined;
};
