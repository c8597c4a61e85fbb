import type { Context } from "hono";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { type Json, record } from "../coordinator/fields.ts";
import type { Sfu } from "../sfu/sfu.ts";

/** What the control routes reach into. */
export interface Parts {
  coordinator: Coordinator;
  sfu: Sfu;
}

/** The JSON body, `{}` if there is none. */
export const bodyOf = async (c: Context): Promise<Json> => record(await c.req.json().catch(() => ({})));
