import { expect, test } from "vitest";
import { microphoneProblem } from "../cloud/page/problems.ts";

test.each([
  ["NotAllowedError", /allow/i],
  ["NotFoundError", /plug/i],
  ["NotReadableError", /close the program/i],
  ["SomethingNewError", /sound settings/i],
])("%s tells the person what to do", (name, remedy) => {
  const problem = microphoneProblem(new DOMException("refused", name));
  expect(problem.remedy).toMatch(remedy);
  expect(problem.remedy).toMatch(/type instead/);
});
