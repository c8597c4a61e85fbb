import { BridgeError } from "../../../bridge-task/errors.ts";

export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a check came to. `skipped`: it needs what another check found missing. */
export interface Finding {
  state: "ok" | "warn" | "problem" | "skipped";
  message: string;
  /** What to do about it. */
  mend?: string;
}

export interface Check {
  /** A stable word. */
  id: string;
  title: string;
  /** What it throws is a problem, too; a `Found` says it in its own words. */
  run(): Promise<Finding | Finding[]>;
}

export interface CheckResult {
  id: string;
  title: string;
  findings: Finding[];
}

export const ok = (message: string): Finding => ({ state: "ok", message });
export const warn = (message: string, mend: string): Finding => ({ state: "warn", message, mend });
export const problem = (message: string, mend: string): Finding => ({ state: "problem", message, mend });

/** The findings, or that all is well where there are none. */
export const orOk = (findings: Finding[], message: string): Finding[] =>
  findings.length > 0 ? findings : [ok(message)];

/** A finding that keeps whatever builds on it from being looked at. */
export class Found extends BridgeError {
  readonly finding: Finding;

  constructor(finding: Finding, cause?: unknown) {
    super("doctor_found", finding.message, { cause });
    this.finding = finding;
  }
}

/** A fact could not be had; the check `owner` says why. */
export class UnknownFact extends BridgeError {
  readonly owner: string;

  constructor(owner: string, cause: unknown) {
    super("unknown_fact", `not known, see ${owner}`, { cause });
    this.owner = owner;
  }
}

/** Something that several checks need; asked for once, by whoever is first. */
export type Fact<T> = () => Promise<T>;

/** `owner`: the check that tells when it cannot be had; all others are skipped then. */
export const fact = <T>(owner: string, read: () => Promise<T>): Fact<T> => {
  let asked: Promise<T> | undefined;
  return () => {
    asked ??= read().catch((cause: unknown) => {
      throw cause instanceof UnknownFact ? cause : new UnknownFact(owner, cause);
    });
    return asked;
  };
};
