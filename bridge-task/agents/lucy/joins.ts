import type { Joins } from "../agent.ts";

/** Lucy's user in the Stream app. Here and not in index.ts, because the webhook needs it and bundles only this file. */
export const userId = "lucy";

/** Lucy takes every call of type "default", unless the call's `custom.agent` is false or names another agent. */
export const joins: Joins = (call) => {
  if (call.type !== "default") return false;
  const { agent } = call.custom;
  return agent === undefined || agent === null || agent === true || agent === "lucy";
};
