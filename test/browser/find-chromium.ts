import { access, constants } from "node:fs/promises";
import path from "node:path";

/** What to type where no browser is found. */
export const installCommand = "apt-get install chromium";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

const macPaths = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const isExecutable = async (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

/**
 * A Chromium to drive: the one that CHROMIUM_PATH names, else the first on the PATH, else none.
 * Throws when CHROMIUM_PATH is set and cannot be run: a named browser is never silently replaced.
 */
export const findChromium = async (environment: NodeJS.ProcessEnv): Promise<string | undefined> => {
  const { CHROMIUM_PATH: named, PATH: searchPath = "" } = environment;
  if (named !== undefined && named !== "") {
    if (await isExecutable(named)) return named;
    throw new Error(
      `CHROMIUM_PATH is ${named}, which cannot be run. Correct it, or unset it and run: ${installCommand}`,
    );
  }
  const folders = [...searchPath.split(path.delimiter).filter(Boolean), "/usr/bin", "/usr/local/bin"];
  for (const file of [...folders.flatMap((folder) => names.map((name) => path.join(folder, name))), ...macPaths]) {
    if (await isExecutable(file)) return file;
  }
  return undefined;
};

/** Whether browser tests run: without a browser they are skipped, but on a CI machine that would hide them for good. */
export const browserTests = (
  executable: string | undefined,
  isCi: boolean,
): { type: "run"; executable: string } | { type: "skip" | "fail"; reason: string } => {
  if (executable !== undefined) return { type: "run", executable };
  return { type: isCi ? "fail" : "skip", reason: `no Chromium found; install one with: ${installCommand}` };
};
