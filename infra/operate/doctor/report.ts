import type { CheckResult, Finding } from "./check.ts";

const marks = { ok: "✓", warn: "!", problem: "✗", skipped: "–" } as const satisfies Record<Finding["state"], string>;

export const isHealthy = (checks: readonly CheckResult[]): boolean =>
  checks.every(({ findings }) => findings.every(({ state }) => state === "ok" || state === "warn"));

const linesOf = ({ title, findings }: CheckResult, titleWidth: number): string[] =>
  findings.flatMap(({ state, message, mend }, index) => {
    const name = (index === 0 ? title : "").padEnd(titleWidth);
    const line = `${marks[state]} ${name}  ${message}`;
    return mend === undefined ? [line] : [line, `  ${"".padEnd(titleWidth)}  → ${mend}`];
  });

const countOf = (checks: readonly CheckResult[], state: Finding["state"]): number =>
  checks.filter(({ findings }) => findings.some((finding) => finding.state === state)).length;

/** All checks as people read them: what was found, and below it what to do. */
export const reportText = (checks: readonly CheckResult[]): string => {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap((check) => linesOf(check, width));
  const [problems, warnings, skipped] = [
    countOf(checks, "problem"),
    countOf(checks, "warn"),
    countOf(checks, "skipped"),
  ];
  const counts = `${checks.length} checks: ${problems} to mend, ${warnings} to know, ${skipped} not looked at`;
  return `${[...lines, "", counts].join("\n")}\n`;
};
