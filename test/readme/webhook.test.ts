import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const read = (file: string): string => readFileSync(path.resolve(import.meta.dirname, "../..", file), "utf8");

test("The webhook that the README shows is the one that is tested in calls.", () => {
  const [, shown] = /`app\/api\/webhook\/route\.ts`[\s\S]*?```ts\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
  const tested = read("test/api/existing-webhook/route.ts")
    .replaceAll(/^\/\/.*\n/gm, "")
    .replace('"./database.ts"', '"./database"');
  expect(shown).toBe(tested);
});
