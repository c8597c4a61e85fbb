import type { RealtimeSessionCreateRequest } from "openai/resources/realtime/realtime";
import { at, isTree, put, type Tree, take } from "./tree.ts";

type Session = RealtimeSessionCreateRequest;

/** A tree of settings as an update, undefined where it would change nothing. */
export const asUpdate = ({ type: _, ...settings }: Tree): Session | undefined =>
  Object.keys(settings).length === 0 ? undefined : { ...settings, type: "realtime" };

/** The paths of an update's settings: each is what the server takes or refuses as one. */
const settingPaths = (session: Session): string[][] =>
  Object.entries(session).flatMap(([key, value]) => {
    if (key === "type") return [];
    if (key !== "audio" || !isTree(value)) return [[key]];
    return Object.entries(value).flatMap(([side, settings]) =>
      isTree(settings) ? Object.keys(settings).map((name) => [key, side, name]) : [[key, side]],
    );
  });

/** The names of an update's settings: `audio.output.voice`, `tools`. */
export const settingNames = (session: Session): string[] => settingPaths(session).map((path) => path.join("."));

/** One update for each of its settings. */
export const splitSession = (session: Session): Session[] =>
  settingPaths(session).flatMap((path) => asUpdate(put({}, path, at({ ...session }, path))) ?? []);

/** `session.tools[0].name` as `["tools", "0", "name"]`. */
const pathOf = (param: string): string[] =>
  param
    .replace(/^session\b\.?/, "")
    .split(/[.[\]]+/)
    .filter((part) => part !== "");

/** A list without the entry that the path names; undefined where it names none. */
const withoutEntry = (session: Tree, path: readonly string[]): Tree | undefined => {
  const index = path.findIndex((part) => /^\d+$/.test(part));
  const list = at(session, path.slice(0, index));
  const entry = Number(path[index]);
  return Array.isArray(list) && entry < list.length
    ? put(session, path.slice(0, index), list.toSpliced(entry, 1))
    : undefined;
};

/** What to do about a refused update. `lost`: there is no more than what was refused. */
export type Repair = { type: "rest"; session: Session } | { type: "split"; sessions: Session[] } | { type: "lost" };

/**
 * The update without what the server refused. `param` is the server's own name for that. In a list (tools) the whole entry goes;
 * where no one setting is named, each must be tried by itself.
 */
export const repairOf = (session: Session, param: string | undefined): Repair => {
  const tree: Tree = { ...session };
  const path = param === undefined ? [] : pathOf(param);
  const settings = settingPaths(session);
  const setting = settings.find((own) => own.every((key, depth) => path[depth] === key));
  const smaller = setting && withoutPath(tree, path, setting);
  if (smaller === undefined) {
    return settings.length > 1 ? { type: "split", sessions: splitSession(session) } : { type: "lost" };
  }
  const rest = asUpdate(smaller);
  return rest === undefined ? { type: "lost" } : { type: "rest", session: rest };
};

const withoutPath = (tree: Tree, path: readonly string[], setting: readonly string[]): Tree | undefined => {
  if (path.some((part) => /^\d+$/.test(part))) return withoutEntry(tree, path);
  // What is missing cannot be taken out, and without its type the rest of a setting is none: then all of it goes.
  const isPart = at(tree, path) !== undefined && path.at(-1) !== "type";
  return take(tree, isPart ? path : setting);
};

/** The update without the settings that a newer one sets; undefined where nothing is left. Setting by setting: the keys of one belong together. */
export const withoutNewer = (session: Session, newer: Session): Session | undefined =>
  asUpdate(settingPaths(newer).reduce<Tree>(take, { ...session }));
