import { Hono } from "hono";
import { clusterArn } from "./arns.ts";
import type { Ecs } from "./ecs.ts";
import type { Task } from "./task.ts";

const describe = (task: Task, cluster: string) => ({
  Cluster: clusterArn(cluster),
  TaskARN: task.arn,
  Family: task.family,
  Revision: "1",
  DesiredStatus: task.desiredStatus,
  KnownStatus: task.status,
  LaunchType: "FARGATE",
});

/**
 * What a task finds at its own address: ECS_CONTAINER_METADATA_URI_V4 plus /task, and credentials of its role, at
 * AWS_CONTAINER_CREDENTIALS_FULL_URI here because 169.254.170.2 is no loopback address.
 */
export const createMetadata = (ecs: Ecs, cluster: string): Hono => {
  const app = new Hono();
  app.get("/v4/:taskId", (c) => {
    const task = ecs.task(c.req.param("taskId"));
    return task
      ? c.json({ Name: task.containerName, DesiredStatus: task.desiredStatus, KnownStatus: task.status })
      : c.notFound();
  });
  app.get("/v4/:taskId/task", (c) => {
    const task = ecs.task(c.req.param("taskId"));
    return task ? c.json(describe(task, cluster)) : c.notFound();
  });
  app.get("/v4/:taskId/credentials", (c) =>
    ecs.task(c.req.param("taskId"))
      ? c.json({
          AccessKeyId: "LOCALTASK",
          SecretAccessKey: "local",
          Token: "local",
          Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
        })
      : c.notFound(),
  );
  return app;
};
