/**
 * The tests' door to Stream, mounted at `/stream` of the control server. Bodies and answers are JSON, but for the WAV.
 *
 *     GET  /calls                                  calls, each with its participants in the SFU
 *     GET  /calls/:type/:id                        one of them
 *     POST /calls/:type/:id/end                    {reason?, sfu?} ends it for everybody; sfu false: the SFU goes on
 *     POST /calls/:type/:id/end-session            ends its session; the call stays
 *     POST /calls/:type/:id/kick                   {userId, block?} takes a user out; block: and keeps them out
 *     POST /calls/:type/:id/block, /unblock        {userId} takes a user out and keeps them out; lets them in again
 *     POST /calls/:type/:id/ring                   {userId?, memberIds?} rings the members; userId: who does it, else its creator
 *     POST /calls/:type/:id/accept, /reject        {userId} somebody's answer to the ring
 *     POST /calls/:type/:id/go-live, /stop-live    out of backstage, and back: who may not be there is sent away
 *     POST /calls/:type/:id/mute                   {userId} moderation mutes their microphone
 *     POST /calls/:type/:id/permissions            {userId, grant?: [], revoke?: []}
 *     POST /calls/:type/:id/event                  {userId, custom} a custom event
 *     GET  /calls/:type/:id/recordings             who was in the SFU, past and present, and how many packets they sent
 *     GET  /calls/:type/:id/participants/:sessionId/packets
 *          what they sent: arrivalMs (epoch), sequenceNumber, timestamp, levelDbov, voiced, byteCount
 *     GET  /calls/:type/:id/participants/:sessionId/audio.wav
 *          the same decoded: 24 kHz mono on the timeline of arrivals, silence where nothing arrived;
 *          header x-started-at-ms: epoch milliseconds of the first sample
 *     POST /webhook                                {url, eventTypes?} or null
 *     GET  /faults                                 what is set now
 *     POST /faults/close-sfu-socket                {cid?, userId?, sessionId?, code?} cuts sockets, all that match;
 *                                                  without a code there is no close frame
 *     POST /faults/sfu-event                       {cid?, userId?, sessionId?, event: "goAway" | "error" | "callEnded",
 *                                                  code?, strategy?, message?}
 *     POST /faults/health-checks                   {sfu?, coordinator?} false: they stay unanswered
 *     POST /faults/coordinator                     {refuses?, error?: {code, status?, count?}, delayMs?, withheld?: []}
 *                                                  sockets are not opened; the next ones get an error; events are late;
 *                                                  types of events never arrive; what is not named is well again
 *     POST /faults/close-coordinator-socket        {userId?, code?, error?} cuts sockets, after a connection.error with
 *                                                  the code `error` where given
 *     POST /faults/packet-loss                     {incoming?, outgoing?} in percent
 *     POST /faults/kill-sfu                        sockets and peer connections are gone, nobody gets in until:
 *     POST /faults/restore-sfu
 *     POST /faults/full-sfu                        {edges: []} these SFUs (sfu-local-1, sfu-local-2) take nobody in
 *     POST /faults/rest                            {pathEnd, status?, code?, count?} the next requests there fail
 *     POST /faults/webhooks                        {gzip?, duplicate?: "none" | "same-id" | "new-id", delayMs?,
 *                                                  swapWithinMs?}
 */
import { Hono } from "hono";
import { callRoutes } from "./control/calls.ts";
import { faultRoutes } from "./control/faults.ts";
import { lifecycleRoutes } from "./control/lifecycle.ts";
import type { Parts } from "./control/parts.ts";
import { asApiError } from "./coordinator/api-error.ts";
import { isJson, requiredText, textList } from "./coordinator/fields.ts";

export const createControl = (parts: Parts): Hono => {
  const app = new Hono()
    .post("/webhook", async (c) => {
      const body: unknown = await c.req.json();
      parts.coordinator.app.setWebhook(
        isJson(body)
          ? { url: requiredText(body.url, "url"), eventTypes: textList(body.eventTypes, "eventTypes") }
          : null,
      );
      return c.json({});
    })
    .route("/", callRoutes(parts))
    .route("/", lifecycleRoutes(parts))
    .route("/", faultRoutes(parts));
  app.onError((thrown, c) => {
    const error = asApiError(thrown);
    return c.json({ error: error.message }, error.status as 400);
  });
  return app;
};
