import { messageOf } from "../../../bridge-task/errors.ts";
import { AwsError } from "./aws-error.ts";

/** A JSON object: the input or the output of an action. */
export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws AwsError as awsJson1.1 services answer what is no JSON object. */
export const parseInput = (text: string): Json => {
  try {
    const value: unknown = JSON.parse(text);
    if (isJson(value)) return value;
  } catch (error) {
    throw new AwsError("SerializationException", messageOf(error));
  }
  throw new AwsError("SerializationException", "The request is no JSON object.");
};

/** A member that is a text; undefined where it is missing. */
export const optionalText = (input: Json, name: string): string | undefined => {
  const value = input[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new AwsError("SerializationException", `${name} must be a string`);
  return value;
};

export const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

export const jsonsOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isJson) : []);
