import { spawnSync } from "node:child_process";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Runs once before the tests of the infrastructure: they evaluate SST's own components, which SST installs below .sst/. */
export const setup = (): void => {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, ["infra/operate/platform.mjs"], {
    cwd: root,
    encoding: "utf8",
    timeout: 11 * 60_000,
  });
  if (status === 0) return;
  throw new Error(
    [
      "The tests of the infrastructure evaluate SST's own components, which are not there.",
      error?.message ?? `${stdout}${stderr}`.trim(),
      "The other tests run without them: npx vitest run --project parts --project 'whole calls'",
    ].join("\n"),
  );
};
