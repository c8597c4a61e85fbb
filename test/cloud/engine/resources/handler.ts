import { createHash } from "node:crypto";
import type { FormerResource, Properties } from "../protocol.ts";

export interface Wanted {
  /** Logical name. */
  name: string;
  inputs: Properties;
}

/** What was made: its outputs are the inputs and these. */
export interface Made {
  id: string;
  outputs?: Properties;
}

/** How the resources of one type are made in the stand-in of AWS. */
export interface ResourceHandler {
  /** Inputs that cannot be changed in place: the provider makes another resource, and deletes the former one at the end. */
  replaceOn?: readonly string[] | "any";
  create(wanted: Wanted): Promise<Made> | Made;
  /** Without it, what is there is written over by `create`. */
  update?(wanted: Wanted, former: FormerResource): Promise<Made> | Made;
  /** Without it, nothing was made that would stay. */
  delete?(former: FormerResource): Promise<void> | void;
}

export type Handlers = Readonly<Record<string, ResourceHandler>>;

/** A text among the inputs. Throws where it is missing: the provider would refuse the resource. */
export const textOf = (inputs: Properties, member: string): string => {
  const value = inputs[member];
  if (typeof value === "string") return value;
  throw new Error(`"${member}" must be a text, got ${JSON.stringify(value) ?? "nothing"}`);
};

export const listOf = (inputs: Properties, member: string): Properties[] => {
  const value = inputs[member];
  return Array.isArray(value) ? value : [];
};

/** The name that the resource was given, or, as the engine does, one made of its logical name. */
export const physicalName = ({ name, inputs }: Wanted): string =>
  typeof inputs.name === "string"
    ? inputs.name
    : `${name}-${createHash("sha256").update(name).digest("hex").slice(0, 7)}`;
