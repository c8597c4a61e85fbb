import { legacyKeys, legacyPaths } from "./keys.ts";

/** Settings as plain nested objects: what normalizing, repairing and splitting an update work on. */
export type Tree = Record<string, unknown>;

export const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const at = (tree: Tree, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (isTree(value) && Object.hasOwn(value, key) ? value[key] : undefined), tree);

/** A copy with the value at the path. */
export const put = (tree: Tree, [key = "", ...rest]: readonly string[], value: unknown): Tree => {
  const below = tree[key];
  return { ...tree, [key]: rest.length === 0 ? value : put(isTree(below) ? below : {}, rest, value) };
};

/** A copy without what is at the path, and without the objects that this leaves empty. */
export const take = (tree: Tree, [key = "", ...rest]: readonly string[]): Tree => {
  const { [key]: value, ...others } = tree;
  if (rest.length === 0) return others;
  if (!isTree(value)) return tree;
  const smaller = take(value, rest);
  return Object.keys(smaller).length === 0 ? others : { ...others, [key]: smaller };
};

/** Old flat keys moved to where they live now. Where both shapes name a setting, today's wins. */
export const nestLegacyKeys = (settings: Tree, keys: readonly (keyof typeof legacyPaths)[] = legacyKeys): Tree => {
  let tree = settings;
  for (const key of keys) {
    if (!Object.hasOwn(tree, key)) continue;
    const { [key]: value, ...others } = tree;
    const path = legacyPaths[key];
    tree = value === undefined || at(others, path) !== undefined ? others : put(others, path, value);
  }
  return tree;
};
