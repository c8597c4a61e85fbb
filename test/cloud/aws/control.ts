import { Hono } from "hono";
import type { Ecs } from "./ecs.ts";
import { type EventBridge, noTaskEventFaults } from "./event-bridge.ts";
import type { Faults, PlannedFault } from "./faults.ts";
import type { Functions } from "./functions.ts";
import type { LogGroups } from "./log-groups.ts";
import type { Quotas } from "./quotas.ts";
import type { OutputLine, StopCode, Task, TaskStatus } from "./task.ts";

/** A task as tests and the page see it. */
export interface TaskView {
  taskId: string;
  taskArn: string;
  status: TaskStatus;
  startedBy: string | undefined;
  pid: number | undefined;
  exitCode: number | undefined;
  stopCode: StopCode | undefined;
  stoppedReason: string | undefined;
  output: OutputLine[];
}

export const viewOf = (task: Task): TaskView => ({
  taskId: task.id,
  taskArn: task.arn,
  status: task.status,
  startedBy: task.startedBy,
  pid: task.status === "RUNNING" ? task.pid : undefined,
  exitCode: task.exitCode,
  stopCode: task.stopCode,
  stoppedReason: task.stoppedReason,
  output: [...task.output],
});

const kinds: readonly string[] = [
  "throttle",
  "error",
  "failures",
  "delay",
  "lose_answer",
] satisfies PlannedFault["kind"][];

const isFault = (value: unknown): value is PlannedFault =>
  typeof value === "object" &&
  value !== null &&
  "action" in value &&
  "kind" in value &&
  kinds.includes(String(value.kind));

export interface AwsControlParts {
  ecs: Ecs;
  faults: Faults;
  events: EventBridge;
  functions: Functions;
  logs: LogGroups;
  quotas: Quotas;
}

/** The tests' own door to AWS: what runs, what shall stop, what shall go wrong. */
export const createAwsControl = ({ ecs, faults, events, functions, logs, quotas }: AwsControlParts): Hono => {
  const app = new Hono();
  app.get("/tasks", (c) => c.json(ecs.tasks().map((task) => ({ ...viewOf(task), output: undefined }))));
  app.get("/tasks/:id", (c) => {
    const task = ecs.task(c.req.param("id"));
    return task ? c.json(viewOf(task)) : c.json({ error: "no such task" }, 404);
  });
  app.post("/tasks/:id/stop", async (c) => {
    const task = ecs.task(c.req.param("id"));
    if (!task) return c.json({ error: "no such task" }, 404);
    await task.stop(c.req.query("reason") ?? "Stopped by the test");
    return c.json(viewOf(task));
  });
  app.post("/tasks/:id/kill", async (c) => {
    const task = ecs.task(c.req.param("id"));
    if (!task) return c.json({ error: "no such task" }, 404);
    task.kill();
    await task.stopped;
    return c.json(viewOf(task));
  });
  app.get("/faults", (c) => c.json(faults.list()));
  app.post("/faults", async (c) => {
    const fault: unknown = await c.req.json();
    if (!isFault(fault)) return c.json({ error: `a fault has "action" and "kind", one of ${kinds.join(", ")}` }, 422);
    faults.plan(fault);
    return c.json(faults.list(), 201);
  });
  app.delete("/faults", (c) => {
    faults.clear();
    return c.body(null, 204);
  });
  app.post("/faults/task-events", async (c) => {
    events.faults = { ...noTaskEventFaults, ...((await c.req.json()) as object) };
    return c.json(events.faults);
  });
  app.post("/functions/:name/invoke", async (c) => {
    const found = functions.find(c.req.param("name"));
    if (!found) return c.json({ error: `no such function, only ${functions.list().map(({ name }) => name)}` }, 404);
    return c.json(await found.invoke((await c.req.text()) || "{}"));
  });
  app.get("/functions", (c) =>
    c.json(
      functions.list().map(({ name, environmentCount }) => ({
        name,
        url: functions.findUrl(name),
        environments: environmentCount,
      })),
    ),
  );
  app.get("/logs", (c) => c.json(logs.list()));
  app.get("/logs/lines", (c) => c.json(logs.lines(c.req.query("group") ?? "", c.req.query("contains"))));
  app.get("/quotas", (c) => c.json(quotas.list()));
  app.post("/quotas", async (c) => {
    const { code, value } = (await c.req.json()) as { code?: unknown; value?: unknown };
    if (typeof code !== "string" || typeof value !== "number" || !quotas.set(code, value)) {
      return c.json({ error: `a quota has "code" and "value": ${quotas.list().map(({ code }) => code)}` }, 422);
    }
    return c.json(quotas.list());
  });
  return app;
};
