import type { Joins } from "../agent.ts";

/** Lucy's user in the Stream app. Here and not in index.ts, because the webhook needs it and bundles only this file. */
export const userId = "lucy";

/**
 * Lucy takes every call of the types in the settings, unless the call's `custom.agent` is false or names another agent.
 * What the call's creator put into `custom.language` changes what she is told, by her `session`.
 */
export const joins: Joins = ({ custom: { agent } }) =>
  agent === undefined || agent === null || agent === true || agent === "lucy";
