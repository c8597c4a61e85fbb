import { Hono } from "hono";
import { CallEndedReason, GoAwayReason } from "../../../../bridge-task/stream/generated/models_pb.js";
import { ApiError, apiCode, inputError } from "../coordinator/api-error.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { type Json, optionalText, record, requiredText, textList } from "../coordinator/fields.ts";
import type { SfuParticipant } from "../sfu/participant.ts";
import type { Sfu } from "../sfu/sfu.ts";
import { bodyOf, type Parts } from "./parts.ts";

/** Those whom a fault is about: every field that is given must fit. */
const selected = (sfu: Sfu, body: Json): SfuParticipant[] =>
  sfu
    .participants(optionalText(body.cid, "cid"))
    .filter(
      ({ user, sessionId }) =>
        (body.userId === undefined || body.userId === user.id) &&
        (body.sessionId === undefined || body.sessionId === sessionId),
    );

const number = (value: unknown, fallback: number): number => (typeof value === "number" ? value : fallback);

const sendSfuEvent = (participant: SfuParticipant, body: Json): void => {
  if (body.event === "goAway") participant.send("goAway", { reason: GoAwayReason.REBALANCE });
  else if (body.event === "callEnded")
    participant.send("callEnded", { reason: number(body.code, CallEndedReason.ENDED) });
  else if (body.event === "error")
    participant.send("error", {
      error: { code: number(body.code, 500), message: String(body.message ?? "set by the test"), shouldRetry: false },
      reconnectStrategy: number(body.strategy, 0),
    });
  else throw inputError('event must be "goAway", "error" or "callEnded"');
};

const coordinatorFaults = ({ socketFaults }: Coordinator): Json => {
  const { answersHealthChecks, refuses, error, delayMs, withheld } = socketFaults;
  return { answersHealthChecks, refuses, error: error ?? null, delayMs, withheld };
};

/** What is not named goes back to normal. */
const setCoordinatorFaults = ({ socketFaults }: Coordinator, body: Json): void => {
  const error = record(body.error);
  socketFaults.refuses = body.refuses === true;
  socketFaults.error =
    error.code === undefined
      ? undefined
      : {
          code: number(error.code, apiCode.internal),
          status: number(error.status, 401),
          count: number(error.count, 1),
        };
  socketFaults.delayMs = number(body.delayMs, 0);
  socketFaults.withheld = textList(body.withheld, "withheld");
};

const connectionError = (connectionId: string, code: number): Json => ({
  type: "connection.error",
  connection_id: connectionId,
  created_at: new Date().toISOString(),
  error: new ApiError(401, code, "set by the test").body(),
});

/** Routes that break things. */
export const faultRoutes = ({ coordinator, sfu }: Parts): Hono =>
  new Hono()
    .get("/faults", (c) =>
      c.json({
        sfu: {
          lossPercent: sfu.faults.lossPercent,
          answersHealthChecks: sfu.faults.answersHealthChecks,
          isDown: sfu.faults.isDown,
          fullEdges: [...sfu.faults.fullEdges],
        },
        coordinator: coordinatorFaults(coordinator),
        rest: coordinator.restFaults,
        webhooks: coordinator.webhooks.faults,
      }),
    )
    .post("/faults/close-sfu-socket", async (c) => {
      const body = await bodyOf(c);
      const participants = selected(sfu, body);
      for (const { socket } of participants)
        if (typeof body.code === "number") socket?.close(body.code, "closed by the test");
        else socket?.terminate();
      return c.json({ count: participants.length });
    })
    .post("/faults/sfu-event", async (c) => {
      const body = await bodyOf(c);
      const participants = selected(sfu, body);
      for (const participant of participants) sendSfuEvent(participant, body);
      return c.json({ count: participants.length });
    })
    .post("/faults/health-checks", async (c) => {
      const body = await bodyOf(c);
      sfu.faults.answersHealthChecks = body.sfu !== false;
      coordinator.socketFaults.answersHealthChecks = body.coordinator !== false;
      return c.json({});
    })
    .post("/faults/coordinator", async (c) => {
      setCoordinatorFaults(coordinator, await bodyOf(c));
      return c.json(coordinatorFaults(coordinator));
    })
    .post("/faults/close-coordinator-socket", async (c) => {
      const { userId, code, error } = await bodyOf(c);
      const connections = coordinator.hub.connections().filter((one) => userId === undefined || one.userId === userId);
      for (const connection of connections) {
        if (typeof error === "number") connection.send(connectionError(connection.id, error));
        connection.end(typeof code === "number" ? code : undefined);
      }
      return c.json({ count: connections.length });
    })
    .post("/faults/packet-loss", async (c) => {
      const body = await bodyOf(c);
      sfu.faults.lossPercent = { incoming: number(body.incoming, 0), outgoing: number(body.outgoing, 0) };
      return c.json({});
    })
    .post("/faults/kill-sfu", async (c) => {
      await sfu.kill();
      return c.json({});
    })
    .post("/faults/restore-sfu", (c) => {
      sfu.restore();
      return c.json({});
    })
    .post("/faults/full-sfu", async (c) => {
      sfu.faults.fullEdges = new Set(textList((await bodyOf(c)).edges, "edges"));
      return c.json({});
    })
    .post("/faults/rest", async (c) => {
      const body = await bodyOf(c);
      coordinator.restFaults.push({
        pathEnd: requiredText(body.pathEnd, "pathEnd"),
        status: number(body.status, 500),
        code: number(body.code, apiCode.internal),
        count: number(body.count, 1),
      });
      return c.json({});
    })
    .post("/faults/webhooks", async (c) => {
      coordinator.webhooks.faults = { ...coordinator.webhooks.faults, ...(await bodyOf(c)) };
      return c.json(coordinator.webhooks.faults);
    });
