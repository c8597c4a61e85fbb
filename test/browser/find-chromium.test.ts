import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { browserTests, findChromium } from "./find-chromium.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "chromium-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("the browser that CHROMIUM_PATH names comes first", async () => {
  const file = path.join(folder, "my-browser");
  await writeFile(file, "");
  await chmod(file, 0o755);
  expect(await findChromium({ CHROMIUM_PATH: file, PATH: "/usr/bin" })).toBe(file);
});

test("a CHROMIUM_PATH that cannot be run is an error, not another browser", async () => {
  const missing = path.join(folder, "missing");
  await expect(findChromium({ CHROMIUM_PATH: missing, PATH: "/usr/bin" })).rejects.toThrow(missing);
});

test("a browser is found on the PATH", async () => {
  const file = path.join(folder, "chromium");
  await writeFile(file, "");
  await chmod(file, 0o755);
  expect(await findChromium({ PATH: folder })).toBe(file);
});

test("without a browser the tests are skipped with the command that installs one", () => {
  expect(browserTests(undefined, false)).toMatchObject({
    type: "skip",
    reason: expect.stringContaining("apt-get install chromium"),
  });
});

test("without a browser the tests fail on CI", () => {
  expect(browserTests(undefined, true)).toMatchObject({ type: "fail" });
});
