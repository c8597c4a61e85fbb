import { InvalidInputError } from "../bridge-task/errors.ts";
import { secretNameOf } from "./operate/deployment.ts";

/** Who finds a secret in its environment, and in which variable. */
export interface SecretUse {
  /** As a person knows it: `the tool "find_customer"`. */
  by: string;
  variable: string;
}

/**
 * Names that a stage has for something else. Components and secrets share one set of names, where "Calls" and "CALLS" are the
 * same; "App" SST keeps for itself; the parameter "Deployment" stands beside those of the secrets.
 */
const taken = [
  "App",
  "Bridge",
  "Calls",
  "Cluster",
  "Deployment",
  "Network",
  "Register",
  "Sweep",
  "SweepSchedule",
  "TaskStopped",
  "Tickets",
  "Webhook",
];

/**
 * Throws InvalidInputError that names each variable whose secret would have a name that is none, is taken, or is that of another
 * variable's secret. SST says so of the first, or nobody does, when half of the stage is there already.
 */
export const checkSecretNames = (uses: readonly SecretUse[], tools: readonly string[]): void => {
  const reserved = new Map([...taken, ...tools].map((name) => [name.toLowerCase(), name]));
  const first = new Map<string, SecretUse>();
  const problemOf = ({ by, variable }: SecretUse): string[] => {
    const name = secretNameOf(variable);
    const called = `${by} names the secret ${variable}`;
    if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
      return [`${called}, and a secret is a variable of letters, digits and _ that begins with a letter`];
    }
    const other = reserved.get(name.toLowerCase());
    if (other !== undefined) return [`${called}, which would be called ${name}, and ${other} is something else here`];
    const same = first.get(name.toLowerCase());
    if (same === undefined) first.set(name.toLowerCase(), { by, variable });
    else if (same.variable !== variable) {
      return [
        `${called}, and ${same.by} names ${same.variable}: both would be the secret ${secretNameOf(same.variable)}`,
      ];
    }
    return [];
  };
  const problems = uses.flatMap(problemOf);
  if (problems.length === 0) return;
  throw new InvalidInputError(`Nothing was changed: ${problems.join("; ")}. Give the variable another name`);
};
