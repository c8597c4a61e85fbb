import type { CheckResult, Finding } from "./check.ts";

const marks = { ok: "✓", warn: "!", problem: "✗", skipped: "–" } as const satisfies Record<Finding["state"], string>;

/** Those that found something to mend. */
export const problemsOf = (checks: readonly CheckResult[]): CheckResult[] =>
  checks.filter(({ findings }) => findings.some(({ state }) => state === "problem"));

const linesOf = ({ title, findings }: CheckResult, titleWidth: number): string[] =>
  findings.flatMap(({ state, message, mend }, index) => {
    const name = (index === 0 ? title : "").padEnd(titleWidth);
    const line = `${marks[state]} ${name}  ${message}`;
    return mend === undefined ? [line] : [line, `  ${"".padEnd(titleWidth)}  → ${mend}`];
  });

const countOf = (checks: readonly CheckResult[], state: Finding["state"]): number =>
  checks.filter(({ findings }) => findings.some((finding) => finding.state === state)).length;

const isSkipped = ({ findings }: CheckResult): boolean => findings.every(({ state }) => state === "skipped");

/** Checks that wait for the same thing, in one line. */
const skippedLines = (checks: readonly CheckResult[]): string[] =>
  [...Map.groupBy(checks, ({ findings }) => findings[0]?.message ?? "")].map(
    ([message, alike]) => `${marks.skipped} ${alike.map(({ title }) => title).join(", ")}: ${message}`,
  );

/** All checks as people read them: what was found, and below it what to do. */
export const reportText = (checks: readonly CheckResult[]): string => {
  const [skippedChecks, looked] = [checks.filter(isSkipped), checks.filter((check) => !isSkipped(check))];
  const width = Math.max(...looked.map(({ title }) => title.length), 0);
  const lines = [...looked.flatMap((check) => linesOf(check, width)), ...skippedLines(skippedChecks)];
  const [problems, warnings, skipped] = [
    countOf(checks, "problem"),
    countOf(checks, "warn"),
    countOf(checks, "skipped"),
  ];
  const counts = `${checks.length} checks: ${problems} to mend, ${warnings} to know, ${skipped} not looked at`;
  return `${[...lines, "", counts].join("\n")}\n`;
};
