import * as v from "valibot";
import { type Checked, fieldProblems } from "./problems.ts";
import { type Json, streamId } from "./schema.ts";

const callSchema = v.object({ type: streamId("the call's type"), id: streamId("the call's id") });
const agentSchema = v.object({ ...callSchema.entries, userId: streamId("the agent's user id") });

/** Checks what stands in the path of a request. */
export const checkPath = (params: Json): Checked<{ type: string; id: string; userId: string }> => {
  const { issues = [] } = v.safeParse("userId" in params ? agentSchema : callSchema, params, { abortPipeEarly: true });
  if (issues.length > 0) return { ok: false, fields: fieldProblems(issues) };
  const { type, id, userId = "" } = params as Record<string, string>;
  return { ok: true, value: { type: type ?? "", id: id ?? "", userId } };
};
