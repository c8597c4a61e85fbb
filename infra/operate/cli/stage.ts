import { readFileSync } from "node:fs";
import path from "node:path";
import { usageError } from "./failure.ts";

/** Where `sst` keeps the stage that is yours: the one it takes where none is named. */
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
  // `--stage "$STAGE"` with nothing in it does not mean another stage.
  const stage = option ?? (environment.SST_STAGE?.trim() || fromFile(folder));
  if (option === undefined && stage === "") {
    throw usageError(
      `which stage is meant? Name it with --stage or SST_STAGE; ${stageFile}, where sst keeps your own one, is not here`,
    );
  }
  if (!/^[A-Za-z0-9-]+$/.test(stage)) {
    throw usageError(`"${stage}" is no name of a stage: it has letters, digits and hyphens only`);
  }
  return stage;
};
