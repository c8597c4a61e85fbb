import { type Context, Hono } from "hono";
import { optionalText, requiredText, textList } from "../coordinator/fields.ts";
import { blockUser, goLive, requireUser, stopLive, unblockUser } from "../coordinator/moderation.ts";
import { answerRing, ringCall } from "../coordinator/ringing.ts";
import { bodyOf, callAt, type Parts } from "./parts.ts";

/** Routes by which a call rings, goes live, and is shut to somebody. */
export const lifecycleRoutes = (parts: Parts): Hono => {
  const { coordinator } = parts;
  const userId = async (c: Context) => requiredText((await bodyOf(c)).userId, "userId");
  return new Hono()
    .post("/calls/:type/:id/ring", async (c) => {
      const call = callAt(parts, c);
      const body = await bodyOf(c);
      const named = textList(body.memberIds, "memberIds");
      const byUserId = optionalText(body.userId, "userId") ?? call.createdById;
      const memberIds = ringCall(coordinator, call, { byUserId, ...(named.length > 0 ? { memberIds: named } : {}) });
      return c.json({ memberIds });
    })
    .post("/calls/:type/:id/accept", async (c) => {
      answerRing(coordinator, callAt(parts, c), requireUser(coordinator, await userId(c)), "accepted");
      return c.json({});
    })
    .post("/calls/:type/:id/reject", async (c) => {
      answerRing(coordinator, callAt(parts, c), requireUser(coordinator, await userId(c)), "rejected");
      return c.json({});
    })
    .post("/calls/:type/:id/go-live", (c) => {
      goLive(coordinator, callAt(parts, c));
      return c.json({});
    })
    .post("/calls/:type/:id/stop-live", (c) => {
      stopLive(coordinator, callAt(parts, c));
      return c.json({});
    })
    .post("/calls/:type/:id/block", async (c) => {
      blockUser(coordinator, callAt(parts, c), await userId(c));
      return c.json({});
    })
    .post("/calls/:type/:id/unblock", async (c) => {
      unblockUser(coordinator, callAt(parts, c), await userId(c));
      return c.json({});
    });
};
