import { randomBytes } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const base62 = (length: number): string => {
  let text = "";
  for (const byte of randomBytes(length)) text += alphabet[byte % alphabet.length];
  return text;
};

/** Ids as the service writes them: a prefix and 21 base62 characters, 16 for tool calls. */
export const newId = (prefix: "event" | "sess" | "conv" | "item" | "resp" | "call"): string =>
  `${prefix}_${base62(prefix === "call" ? 16 : 21)}`;

/** The filler that the service adds to text deltas so that their length says nothing about their content. */
export const newObfuscation = (): string => base62(8 + Math.floor(Math.random() * 8));
