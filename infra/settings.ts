import { InvalidInputError } from "../bridge-task/errors.ts";

/** vCPU of a task → the memory it may have, in GB: what Fargate sells. */
const taskSizes = {
  "0.25 vCPU": ["0.5 GB", "1 GB", "2 GB"],
  "0.5 vCPU": ["1 GB", "2 GB", "3 GB", "4 GB"],
  "1 vCPU": ["2 GB", "3 GB", "4 GB", "5 GB", "6 GB", "7 GB", "8 GB"],
  "2 vCPU": ["4 GB", "5 GB", "6 GB", "7 GB", "8 GB"],
} as const;

type TaskCpu = keyof typeof taskSizes;

/** What one task has, and so one agent in one call. */
export type TaskSize = { [Cpu in TaskCpu]: { cpu: Cpu; memory: (typeof taskSizes)[Cpu][number] } }[TaskCpu];

/** How long log lines are kept → the same in days, as CloudWatch wants it. */
export const retentionDays = {
  "1 day": 1,
  "3 days": 3,
  "5 days": 5,
  "1 week": 7,
  "2 weeks": 14,
  "1 month": 30,
  "2 months": 60,
  "3 months": 90,
  "6 months": 180,
  "1 year": 365,
} as const;

/** Everything about a deployment that is yours to choose. */
export interface Settings {
  /**
   * What tasks run on. "on-demand" is the default: a call keeps its agent. "spot" costs up to 70 % less, and AWS may take a task
   * out of its call with two minutes' notice.
   */
  capacity: "on-demand" | "spot";
  /** vCPU and memory of a task. Default: 1 vCPU, 2 GB (arm64). A smaller one starts later and plays less evenly; see the README's table. */
  task: TaskSize;
  /** Agents in one call at the same time; default 4. One more is refused. */
  agentsPerCall: number;
  /** Calls with agents at the same time, in this stage; default 100. It bounds what a mistake can cost. */
  callsAtOnce: number;
  /** Call types whose calls the agents' `joins` are asked about; default ["default"]. [] asks about none: agents come by POST alone. */
  callTypes: readonly string[];
  /**
   * "all" is the default: agents join every call that their `joins` wants. "own": only calls whose `custom.agentStage` names this
   * stage, so that several stages can share one Stream app.
   */
  calls: "all" | "own";
  /** "register" is the default: the deploy tells Stream where to send its events. "off": you do, or agents come by POST alone. */
  streamWebhook: "register" | "off";
  /** How long CloudWatch keeps the log lines of functions and tasks; default "2 weeks". */
  logRetention: keyof typeof retentionDays;
  /** The least that tasks log; default "info". */
  logLevel: "debug" | "info" | "warn" | "error";
  /** Who gets an e-mail when an alarm goes off; AWS asks the address first whether it wants them. Default: nobody. */
  alarmEmail?: string;
}

/** Of every stage, unless `perStage` says otherwise. */
const settings: Settings = {
  capacity: "on-demand",
  task: { cpu: "1 vCPU", memory: "2 GB" },
  agentsPerCall: 4,
  callsAtOnce: 100,
  callTypes: ["default"],
  calls: "all",
  streamWebhook: "register",
  logRetention: "2 weeks",
  logLevel: "info",
};

/** What is different in a stage, by its name. */
const perStage: Readonly<Record<string, Partial<Settings>>> = {
  production: { logRetention: "3 months" },
};

const oneOf = (value: unknown, choices: readonly string[]): string | undefined =>
  choices.some((choice) => choice === value)
    ? undefined
    : `must be ${choices.map((choice) => `"${choice}"`).join(" or ")}`;

const count = (value: unknown): string | undefined =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 999_999
    ? undefined
    : "must be a whole number from 1 to 999999";

const taskProblem = (task: Partial<TaskSize> | undefined): string | undefined => {
  const cpu = oneOf(task?.cpu, Object.keys(taskSizes));
  if (cpu !== undefined) return `cpu ${cpu}`;
  const memory = oneOf(task?.memory, taskSizes[task?.cpu as TaskCpu]);
  return memory && `memory ${memory} with ${task?.cpu}`;
};

/** A name of a call type, as Stream takes it; commas would part it where functions read the list. */
const callTypesProblem = (types: unknown): string | undefined =>
  Array.isArray(types) && types.every((type) => typeof type === "string" && /^[\w-]+$/.test(type) && type !== "none")
    ? undefined
    : 'must be a list of call types, such as ["default"]';

/** What is wrong with each setting, if anything. */
const checks: { [Name in keyof Settings]-?: (value: Settings[Name]) => string | undefined } = {
  capacity: (value) => oneOf(value, ["on-demand", "spot"]),
  task: taskProblem,
  agentsPerCall: count,
  callsAtOnce: count,
  callTypes: callTypesProblem,
  calls: (value) => oneOf(value, ["all", "own"]),
  streamWebhook: (value) => oneOf(value, ["register", "off"]),
  logRetention: (value) => oneOf(value, Object.keys(retentionDays)),
  logLevel: (value) => oneOf(value, ["debug", "info", "warn", "error"]),
  alarmEmail: (value) =>
    value === undefined || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)
      ? undefined
      : "must be an e-mail address, or be left out",
};

/** Throws InvalidInputError that names each setting that cannot be used, and what it may be. */
export const checkSettings = (given: Settings): Settings => {
  const unknown = Object.keys(given)
    .filter((name) => !Object.hasOwn(checks, name))
    .map((name) => `${name} is no setting, only ${Object.keys(checks).join(", ")}`);
  const check = <Name extends keyof Settings>(name: Name): string[] => {
    const problem = (checks[name] as (value: unknown) => string | undefined)(given[name]);
    return problem === undefined ? [] : [`${name} ${problem}, got ${JSON.stringify(given[name]) ?? "nothing"}`];
  };
  const problems = [...unknown, ...(Object.keys(checks) as (keyof Settings)[]).flatMap(check)];
  if (problems.length === 0) return given;
  throw new InvalidInputError(`infra/settings.ts: ${problems.join("; ")}`);
};

/** The settings of a stage. Throws InvalidInputError that names each one that cannot be used. */
export const settingsOf = (stage: string): Settings => checkSettings({ ...settings, ...perStage[stage] });
