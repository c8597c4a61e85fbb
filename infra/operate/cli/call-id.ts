import type { CallAddress } from "../../../functions/api/client.ts";
import { usageError } from "./failure.ts";

export const cidOf = ({ type, id }: CallAddress): string => `${type}:${id}`;

/** `type:id`; an id alone is that of a call of type "default". Throws CommandError. */
export const callOf = (text: string): CallAddress => {
  const [, type = "default", id = ""] = /^(?:([^:]*):)?([^:]*)$/.exec(text) ?? [];
  if (/^[\w-]+$/.test(type) && /^[\w-]+$/.test(id)) return { type, id };
  throw usageError(
    `"${text}" names no call: write type:id, such as default:42, or the id alone for a call of type default`,
  );
};
