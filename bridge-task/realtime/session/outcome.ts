import type { RealtimeSessionCreateRequest } from "openai/resources/realtime/realtime";
import { legacyKeys, legacyPaths, type SessionUpdate } from "./keys.ts";
import { settingNames } from "./repair.ts";

/** A setting that is not in force as it was asked for, and why. */
export interface NotApplied {
  /** As the application named it: `voice`, `audio.input.turn_detection`, `tools[0]`. */
  field: string;
  /** A sentence. */
  reason: string;
}

/** What came of an update. */
export interface AppliedSettings {
  /** Settings that are in force as they were asked for, as the application named them. */
  applied: string[];
  notApplied: NotApplied[];
}

/** Today's name of a setting as the application wrote it: an old flat key where it used one. */
const ownName = (name: string, update: SessionUpdate): string =>
  legacyKeys.find((key) => Object.hasOwn(update, key) && legacyPaths[key].join(".") === name) ?? name;

/** `session`: the update as it was sent, undefined where nothing was; `lost`: what was left out of it, or refused. */
export const appliedOf = (
  update: SessionUpdate,
  session: RealtimeSessionCreateRequest | undefined,
  lost: readonly NotApplied[],
): AppliedSettings => {
  const lostFields = new Set(lost.map(({ field }) => field));
  const inForce = session === undefined ? [] : settingNames(session).filter((name) => !lostFields.has(name));
  return {
    applied: inForce.map((name) => ownName(name, update)),
    notApplied: lost.map(({ field, reason }) => ({ field: ownName(field, update), reason })),
  };
};
