import { InvalidInputError } from "../../errors.ts";
import { jsonCopy } from "../wire/json.ts";
import type { KnownKeys } from "./keys.ts";
import type { NotApplied } from "./outcome.ts";
import { at, isTree, put, type Tree, take } from "./tree.ts";

/** The known part of a tree; the paths of what it left out go to `unknown`. */
export const keepKnown = (tree: Tree, known: KnownKeys, path: string, unknown: string[]): Tree => {
  const kept: Tree = {};
  for (const [key, value] of Object.entries(tree)) {
    const below = Object.hasOwn(known, key) ? known[key] : undefined;
    if (below === undefined) {
      unknown.push(path + key);
      continue;
    }
    const rest = below === "value" || !isTree(value) ? value : keepKnown(value, below, `${path}${key}.`, unknown);
    // An object of which nothing was known changes nothing.
    if (rest === value || !isTree(rest) || Object.keys(rest).length > 0) kept[key] = rest;
  }
  return kept;
};

/** Settings on their way to what the server can accept, with a sentence for each that had to change. */
export class SettingsDraft {
  /** One sentence per setting that was left out or changed; what is unknown is named in one. */
  readonly warnings: string[] = [];
  /** The same, by setting. */
  readonly changes: NotApplied[] = [];
  readonly unknown: string[] = [];
  tree: Tree;

  /** Throws InvalidInputError where they are no settings at all. `what` names them in its message. */
  constructor(asked: unknown, what: string) {
    if (!isTree(asked)) throw new InvalidInputError(`${what} must be an object of settings, got ${kindOf(asked)}`);
    const lost: string[] = [];
    // A copy: what the application does to its object later changes nothing.
    this.tree = jsonCopy(withInfinity(asked), "", lost) as Tree;
    for (const path of lost) this.warn(path, `${path} was left out: JSON cannot carry it.`);
  }

  get(path: string): unknown {
    return at(this.tree, path.split("."));
  }

  set(path: string, value: unknown): void {
    this.tree = put(this.tree, path.split("."), value);
  }

  leaveOut(path: string, why: string): void {
    this.tree = take(this.tree, path.split("."));
    this.warn(path, `${path} was left out: ${why}`);
  }

  /** `reason`: a whole sentence. */
  warn(field: string, reason: string): void {
    this.warnings.push(reason);
    this.changes.push({ field, reason });
  }

  /** The last step: nothing that the server does not know. */
  keepKnown(known: KnownKeys, what: string): void {
    this.tree = keepKnown(this.tree, known, "", this.unknown);
    if (this.unknown.length > 0)
      this.warnings.push(`Unknown ${what} settings were left out: ${this.unknown.join(", ")}.`);
    for (const field of this.unknown) {
      this.changes.push({ field, reason: `${field} was left out: there is no such ${what} setting.` });
    }
  }
}

const kindOf = (value: unknown): string => {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
};

/** Without a limit: the number for it has no place in JSON, the word has. */
const withInfinity = (asked: Tree): Tree =>
  Object.fromEntries(
    Object.entries(asked).map(([key, value]) => [
      key,
      value === Number.POSITIVE_INFINITY && key.endsWith("output_tokens") ? "inf" : value,
    ]),
  );
