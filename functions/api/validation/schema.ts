import * as v from "valibot";
import { durationAdvice, durationMs } from "../../../bridge-task/duration.ts";
import { InvalidInputError } from "../../../bridge-task/errors.ts";
import { checkUrl } from "../../../bridge-task/outgoing/url-policy.ts";
import { nearest } from "./nearest.ts";

/*
 * Building blocks of the request schemas. A schema's message is the mend: what to write in that place. What is wrong with it
 * is told from the value (problems.ts).
 */

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const orLeaveItOut = (mend: string): string => `${mend}; or leave it out`;

const messageOf = (schema: unknown): string | undefined =>
  isObject(schema) && typeof schema.message === "string" ? schema.message : undefined;

/** The advice for a field that nobody knows. `elsewhere` tells where fields of that name do belong. */
const unknownAdvice = (
  written: string,
  known: readonly string[],
  elsewhere: Readonly<Record<string, string>>,
): string => {
  const home = Object.hasOwn(elsewhere, written) ? elsewhere[written] : undefined;
  if (home !== undefined) return `write it as ${home}`;
  return `the nearest field that is known is "${nearest(written, known)}"; all: ${known.join(", ")}`;
};

/** An object of these fields, and of whatever else: somebody further on judges that. */
export const atLeast = <Entries extends v.ObjectEntries>(entries: Entries, mend: string) =>
  v.pipe(
    v.custom<Json>(isObject, mend),
    v.looseObject(entries, (issue) => messageOf(entries[String(issue.path?.at(-1)?.key)]) ?? mend),
  );

/** More mistakes than that are not told: the first ones keep their writer busy. */
export const problemLimit = 20;

/** An object of these fields and no others. */
export const exact = (entries: v.ObjectEntries, mend: string, elsewhere: Readonly<Record<string, string>> = {}) => {
  const known = Object.keys(entries);
  return v.pipe(
    v.custom<Json>(isObject, mend),
    // Each key that nobody knows is a field that takes nothing: valibot's own strict object tells of the first alone.
    v.lazy((body) => {
      const unknown = Object.keys(body as Json).filter((key) => !Object.hasOwn(entries, key));
      const refused = unknown
        .slice(0, problemLimit)
        .map((key) => [key, v.never(unknownAdvice(key, known, elsewhere))] as const);
      return atLeast({ ...entries, ...Object.fromEntries(refused) }, mend);
    }),
  );
};

/** A list. How many there are is looked at before each of them is. */
export const listOf = (item: v.GenericSchema, mend: string, maxLength: number) =>
  v.pipe(v.array(v.unknown(), mend), v.maxLength(maxLength, `at most ${maxLength} are taken`), v.array(item));

export const optional = v.exactOptional;

export const anyObject = (mend: string) => v.custom<Json>(isObject, mend);

export const text = (mend: string, maxBytes = 1_024) =>
  v.pipe(v.string(mend), v.nonEmpty(mend), v.maxBytes(maxBytes, `at most ${maxBytes} bytes of UTF-8 are taken`));

export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  v.picklist(words, `must be ${words.map((word) => JSON.stringify(word)).join(" or ")}`);

export const flag = v.boolean(orLeaveItOut("must be true or false"));

export const duration = v.custom<string>(
  (value) => durationMs(value) !== undefined,
  `${durationAdvice}, and at most 596 hours`,
);

/**
 * Letters, digits and what else stands in Stream's ids. No colon or slash: they part a call's type from its id. Neither "."
 * nor "..": in a path they are other places.
 */
const idPattern = /^(?!\.{1,2}$)[A-Za-z0-9_@.!~-]{1,255}$/;
const idMend = "must be 1 to 255 letters, digits or any of _ @ . ! ~ -, and not . or ..";
export const streamId = (what: string) =>
  v.pipe(v.string(`${what} ${idMend}`), v.regex(idPattern, `${what} ${idMend}`));

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What to write instead; undefined where the address may be called. */
const mendOfUrl = (value: unknown, allowLoopback: boolean): string | undefined => {
  const mend = "must be an https:// address of at most 2048 characters";
  if (typeof value !== "string" || value.length > 2_048) return mend;
  try {
    const { protocol, hostname } = checkUrl(value, { allowLoopback }, "");
    return protocol === "https:" || loopback.test(hostname) ? undefined : mend;
  } catch (error) {
    return error instanceof InvalidInputError ? error.message.trim() : mend;
  }
};

/** An address that we will call. What its host's name resolves to is judged when it is called: here it would only seem to hold. */
export const callableUrl = (allowLoopback: boolean) =>
  v.custom<string>(
    (value) => mendOfUrl(value, allowLoopback) === undefined,
    ({ input }) => mendOfUrl(input, allowLoopback) ?? "",
  );
