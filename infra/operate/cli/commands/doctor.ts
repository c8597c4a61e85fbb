import { diagnose } from "../../doctor/index.ts";
import { problemsOf, reportText } from "../../doctor/report.ts";
import { CommandError, exitCodes } from "../failure.ts";
import type { Operator } from "../operator.ts";
import { printJson } from "../terminal.ts";

/** Looks at everything that goes wrong first, and says how to mend it. Rejects with CommandError where there are problems. */
export const runDoctor = async (operator: Operator): Promise<void> => {
  const { terminal, isJson, stage } = operator;
  const checks = await diagnose(operator);
  const problems = problemsOf(checks);
  if (isJson) printJson(terminal, { stage, healthy: problems.length === 0, checks });
  else terminal.out(reportText(checks));
  if (problems.length === 0) return;
  const names = problems.map(({ id }) => id).join(", ");
  throw new CommandError(exitCodes.doctorFoundProblems, `${problems.length} to mend: ${names}`);
};
