import type { Context } from "hono";
import type { CallRecord } from "../coordinator/calls.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { type Json, record } from "../coordinator/fields.ts";
import type { Sfu } from "../sfu/sfu.ts";

/** What the control routes reach into. */
export interface Parts {
  coordinator: Coordinator;
  sfu: Sfu;
}

export const cidAt = (c: Context): string => `${c.req.param("type")}:${c.req.param("id")}`;

/** The call that the path names. Throws ApiError 404. */
export const callAt = ({ coordinator }: Parts, c: Context): CallRecord => coordinator.calls.require(cidAt(c));

/** The JSON body, `{}` if there is none. */
export const bodyOf = async (c: Context): Promise<Json> => record(await c.req.json().catch(() => ({})));
