import { inputError } from "./api-error.ts";

export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const record = (value: unknown): Json => (isJson(value) ? value : {});

export const optionalText = (value: unknown, name: string): string | undefined => {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw inputError(`${name} must be a string`);
};

export const requiredText = (value: unknown, name: string): string => {
  const text = optionalText(value, name);
  if (!text) throw inputError(`${name} is a required field`);
  return text;
};

export const textList = (value: unknown, name: string): string[] => {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw inputError(`${name} must be a list of strings`);
};

/** Objects are merged key by key, everything else is replaced; what `changes` does not name stays. */
export const deepMerge = (base: Json, changes: Json): Json => {
  const merged: Json = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === null) continue;
    const before = merged[key];
    merged[key] = isJson(before) && isJson(value) ? deepMerge(before, value) : value;
  }
  return merged;
};
