import { createHash } from "node:crypto";
import { parameterArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";

export type ParameterType = "String" | "SecureString";

export interface Parameter {
  name: string;
  arn: string;
  type: ParameterType;
  value: string;
  version: number;
  changedAtMs: number;
}

/** Values are not longer: of standard parameters, and of advanced ones. */
export const maxStandardBytes = 4_096;
const maxAdvancedBytes = 8_192;

const isName = (name: string): boolean =>
  /^\/?[\w.-]+(?:\/[\w.-]+)*$/.test(name) && name.length <= 1_011 && !/^\/?(?:aws|ssm)/i.test(name);

const checkNew = (name: string, value: string): void => {
  if (!isName(name)) {
    throw new AwsError("ValidationException", `Parameter name: "${name}" can only include letters, digits and .-_/`);
  }
  if (value === "") throw new AwsError("ValidationException", "Parameter value must have at least 1 character.");
  if (Buffer.byteLength(value) > maxAdvancedBytes) {
    throw new AwsError(
      "ValidationException",
      `Advanced tier parameters support a maximum of ${maxAdvancedBytes} characters.`,
    );
  }
};

/** What SSM answers for a SecureString that was not to be decrypted. */
export const sealed = (value: string): string =>
  `AQICAHh${createHash("sha512").update(value).digest("base64").replace(/=+$/, "")}`;

/** SSM's parameters. */
export class Parameters {
  readonly #byName = new Map<string, Parameter>();

  /** Makes a parameter or writes over it. Returns its version. Throws AwsError for what SSM refuses. */
  put(name: string, value: string, type: ParameterType): number {
    checkNew(name, value);
    const known = this.#byName.get(name);
    if (known !== undefined && known.type !== type) {
      throw new AwsError(
        "HierarchyTypeMismatchException",
        `The parameter is a ${known.type}: delete it before it becomes a ${type}.`,
      );
    }
    const version = (known?.version ?? 0) + 1;
    this.#byName.set(name, { name, arn: parameterArn(name), type, value, version, changedAtMs: Date.now() });
    return version;
  }

  /** By name or ARN. */
  get(nameOrArn: string): Parameter | undefined {
    const found = this.#byName.get(nameOrArn);
    if (found !== undefined || !nameOrArn.startsWith("arn:")) return found;
    return this.list().find(({ arn }) => arn === nameOrArn);
  }

  /** Whether there was one. */
  delete(name: string): boolean {
    return this.#byName.delete(name);
  }

  /** Sorted by name. */
  list(): Parameter[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
