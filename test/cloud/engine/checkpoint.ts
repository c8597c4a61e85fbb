import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Properties } from "./protocol.ts";

/** A resource in the engine's state. Components are no custom resources: nobody made them, and they have no id. */
export interface StoredResource {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  parent?: string;
  /** URNs of what it refers to or waits for. */
  dependencies: readonly string[];
  inputs: Properties;
  outputs: Properties;
  retainOnDelete?: boolean;
}

/** The name that the program gave: a URN's last part. */
export const nameOf = ({ urn }: Pick<StoredResource, "urn">): string => urn.slice(urn.lastIndexOf("::") + 2);

/**
 * In which order to delete: a resource goes when nothing that is left depends on it. Where that leaves a choice the oldest goes
 * first, the other way round than one would expect: the real engine deletes in parallel, and an order that nobody asked for
 * is not to be relied on.
 */
export const deletionOrder = (resources: readonly StoredResource[]): StoredResource[] => {
  const left = new Set(resources);
  const order: StoredResource[] = [];
  while (left.size > 0) {
    const needed = new Set([...left].flatMap(({ dependencies, parent }) => [...dependencies, parent]));
    const next = [...left].find(({ urn }) => !needed.has(urn));
    if (next === undefined) throw new Error("resources depend on each other in a circle");
    left.delete(next);
    order.push(next);
  }
  return order;
};

/** Absolute: the program changes the working directory. `stack` is organization/app/stage; the command line reads and uploads this very file. */
export const checkpointFile = (stack: string): string => {
  const [, app = "", stage = ""] = stack.split("/");
  return path.resolve(".pulumi", "stacks", app, `${stage}.json`);
};

/** The resources in the order in which they were made; none for a stack that is not there yet. */
export const readCheckpoint = (file: string): StoredResource[] => {
  if (!existsSync(file)) return [];
  const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as {
    checkpoint: { latest?: { resources?: StoredResource[] } };
  };
  // `sst state remove` writes it, too, and leaves out what is empty.
  const empty = { dependencies: [], inputs: {}, outputs: {} };
  return (checkpoint.latest?.resources ?? []).map((resource) => ({ ...empty, ...resource }));
};

/** Version 3 of the format. */
export const writeCheckpoint = (file: string, stack: string, resources: readonly StoredResource[]): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  const manifest = { time: new Date().toISOString(), magic: "", version: "v3.215.0" };
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { stack, latest: { manifest, resources } } }));
};
