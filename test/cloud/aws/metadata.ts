import { Hono } from "hono";
import { clusterArn } from "./arns.ts";
import type { Ecs } from "./ecs.ts";
import type { Task } from "./task.ts";

const describe = (task: Task) => ({
  Cluster: clusterArn(task.cluster),
  TaskARN: task.arn,
  Family: task.family,
  Revision: String(task.registered.revision),
  DesiredStatus: task.desiredStatus,
  KnownStatus: task.status,
  LaunchType: "FARGATE",
});

/**
 * What a task finds at its own address: ECS_CONTAINER_METADATA_URI_V4 plus /task, and credentials of its role, at
 * AWS_CONTAINER_CREDENTIALS_FULL_URI here because 169.254.170.2 is no loopback address.
 */
export const createMetadata = (ecs: Ecs): Hono => {
  const app = new Hono();
  app.get("/v4/:taskId", (c) => {
    const task = ecs.task(c.req.param("taskId"));
    return task
      ? c.json({ Name: task.definition.container, DesiredStatus: task.desiredStatus, KnownStatus: task.status })
      : c.notFound();
  });
  app.get("/v4/:taskId/task", (c) => {
    const task = ecs.task(c.req.param("taskId"));
    return task ? c.json(describe(task)) : c.notFound();
  });
  app.get("/v4/:taskId/credentials", (c) => {
    const task = ecs.task(c.req.param("taskId"));
    if (!task) return c.notFound();
    return c.json({
      AccessKeyId: task.definition.accessKeyId ?? "LOCALTASK",
      SecretAccessKey: "local",
      Token: "local",
      Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
    });
  });
  return app;
};
