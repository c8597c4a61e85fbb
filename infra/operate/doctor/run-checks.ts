import { withDeadline } from "../../../bridge-task/deadline.ts";
import { messageOf } from "../../../bridge-task/errors.ts";
import { isAccessDenied, missingRight } from "../cli/aws-failure.ts";
import { type Check, type CheckResult, type Finding, Found, UnknownFact, warn } from "./check.ts";

/** Longer than the requests of the longest chain of facts take when each is answered late. */
const checkMs = 45_000;

/** Without these nothing is known at all. */
const essential = new Set(["aws-credentials", "deployment", "parameters"]);

const findingOf = (id: string, thrown: unknown): Finding => {
  if (thrown instanceof UnknownFact && thrown.owner !== id) {
    return { state: "skipped", message: `not looked at: ${thrown.owner} comes first` };
  }
  const cause = thrown instanceof UnknownFact ? thrown.cause : thrown;
  if (cause instanceof Found) return cause.finding;
  // Who may not look is no reason to say that what he cannot see is broken.
  if (isAccessDenied(cause) && !essential.has(id)) {
    const right = missingRight(cause);
    return warn(
      "you may not look at this",
      right === undefined
        ? "use a role that may"
        : `allow ${right} to the role that you use, or have somebody look who may`,
    );
  }
  return { state: "problem", message: messageOf(cause) };
};

/** Runs all checks at the same time; none waits for another, or ends because of one. Never rejects. */
export const runChecks = (checks: readonly Check[]): Promise<CheckResult[]> =>
  Promise.all(
    checks.map(async ({ id, title, run }) => {
      try {
        return { id, title, findings: [await withDeadline(run(), checkMs, title)].flat() };
      } catch (thrown) {
        return { id, title, findings: [findingOf(id, thrown)] };
      }
    }),
  );
