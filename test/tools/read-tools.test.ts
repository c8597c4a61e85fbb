import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { readTools } from "../../infra/build/tools.ts";

let project: string;

beforeEach(async () => {
  project = await mkdtemp(path.join(os.tmpdir(), "read-tools-"));
  await mkdir(path.join(project, "functions", "tools", "shared"), { recursive: true });
});

afterEach(() => rm(project, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(path.join(project, "functions", "tools", name), text);

const toolFile = (name: string, more = "") => `
  import * as z from "zod";
  ${more}
  export const definition = { name: "${name}", description: "Does it.", input: z.object({}), timeout: "1 second" };
  export const handler = async () => ({});
`;

/** The lines of the error, without its first. */
const problems = async (): Promise<string[]> => {
  const error: unknown = await readTools(project).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidInputError);
  return (error as Error).message.split("\n").slice(1);
};

test("a project without tools has an empty manifest", async () => {
  expect(await readTools(project)).toEqual([]);
});

test("every file is a tool but what defines tools; a folder below is for what tools share", async () => {
  await write("shared/price.ts", "export const price = 7;");
  await write("one.ts", toolFile("one", `import { price } from "./shared/price.ts"; export { price };`));
  await write("two.ts", toolFile("two"));
  await write("define-tool.ts", "export {};");
  await write("manifest.ts", "export {};");
  await write("notes.md", "No code.");
  expect((await readTools(project)).map(({ name, file }) => `${name} ${file}`)).toEqual([
    "one functions/tools/one.ts",
    "two functions/tools/two.ts",
  ]);
});

test("a definition that changed is read again", async () => {
  await write("one.ts", toolFile("one"));
  await readTools(project);
  await write("one.ts", toolFile("uno"));
  expect((await readTools(project)).map(({ name }) => name)).toEqual(["uno"]);
});

test("a file that fails while it is loaded is named, and what belongs into the handler", async () => {
  await write("one.ts", toolFile("one", `throw new Error("TABLE is not set");`));
  expect(await problems()).toEqual([
    expect.stringMatching(/^functions\/tools\/one\.ts: .*TABLE is not set.*inside the handler/),
  ]);
});

test.each(["one.js", "one.mts", "one.tsx"])("%s is no .ts file, and is not passed over in silence", async (name) => {
  await write(name, toolFile("one"));
  await write("types.d.ts", "export {};");
  expect(await problems()).toEqual([`functions/tools/${name}: is not read: call it one.ts`]);
});

test("a package that is not installed is named, with the command that installs it", async () => {
  await write("one.ts", toolFile("one", `import "no-such-package-here";`));
  expect(await problems()).toEqual([
    expect.stringMatching(/^functions\/tools\/one\.ts: .*npm install no-such-package-here$/),
  ]);
});

test("a file that does not compile is named with its line", async () => {
  await write("one.ts", "export const = 1;");
  expect(await problems()).toEqual([expect.stringContaining("functions/tools/one.ts:1:13: ERROR")]);
});
