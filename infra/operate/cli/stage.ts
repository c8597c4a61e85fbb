import { readFileSync } from "node:fs";
import path from "node:path";
import { usageError } from "./failure.ts";

/** Where `sst` keeps the stage that it used last on this machine. */
const stageFile = path.join(".sst", "stage");

export interface StageSources {
  /** --stage */
  option: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Where the project is. */
  folder: string;
}

const fromFile = (folder: string): string => {
  try {
    return readFileSync(path.join(folder, stageFile), "utf8").trim();
  } catch {
    return ""; // Nothing was deployed from this folder.
  }
};

/** The stage that is meant. Throws CommandError where nobody says. */
export const stageOf = ({ option, environment, folder }: StageSources): string => {
  const stage = option?.trim() || environment.SST_STAGE?.trim() || fromFile(folder);
  if (stage === "") {
    throw usageError(
      `which stage is meant? Name it with --stage or SST_STAGE; ${stageFile}, where sst keeps the latest one, is not here`,
    );
  }
  if (!/^[A-Za-z0-9-]+$/.test(stage)) {
    throw usageError(`"${stage}" is no name of a stage: it has letters, digits and hyphens only`);
  }
  return stage;
};
