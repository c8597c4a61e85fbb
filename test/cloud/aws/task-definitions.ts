import { lastPart, taskDefinitionArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";
import type { TaskDefinition } from "./task-definition.ts";

export interface RegisteredTaskDefinition {
  arn: string;
  family: string;
  revision: number;
  status: "ACTIVE" | "INACTIVE";
  registeredAtMs: number;
  definition: TaskDefinition;
}

/** Task definitions with their revisions. What was removed is INACTIVE: it can be described, and starts nothing. */
export class TaskDefinitions {
  readonly #families = new Map<string, RegisteredTaskDefinition[]>();

  /** The first revision of a family, or its next. Returns the ARN. */
  put(family: string, definition: TaskDefinition): string {
    const revisions = this.#families.get(family) ?? [];
    const revision = revisions.length + 1;
    const arn = taskDefinitionArn(family, revision);
    const registeredAtMs = Date.now();
    this.#families.set(family, [...revisions, { arn, family, revision, status: "ACTIVE", registeredAtMs, definition }]);
    return arn;
  }

  /** A family with all its revisions, or one of them: "family:2" or its ARN. */
  remove(familyOrRevision: string): void {
    const [family = "", revision] = lastPart(familyOrRevision).split(":");
    for (const one of this.#families.get(family) ?? []) {
      if (revision === undefined || Number(revision) === one.revision) one.status = "INACTIVE";
    }
  }

  /** By "family" (its newest that is active), "family:revision" or ARN. */
  find(taskDefinition: string): RegisteredTaskDefinition | undefined {
    const [family = "", revision] = lastPart(taskDefinition).split(":");
    const found = (this.#families.get(family) ?? []).findLast((one) =>
      revision === undefined ? one.status === "ACTIVE" : String(one.revision) === revision,
    );
    return taskDefinition.startsWith("arn:") && found?.arn !== taskDefinition ? undefined : found;
  }

  /** For a task that is to be started. Throws ClientException, as ECS answers. */
  findActive(taskDefinition: string): RegisteredTaskDefinition {
    const found = this.find(taskDefinition);
    if (found === undefined) throw new AwsError("ClientException", "TaskDefinition not found.");
    if (found.status === "ACTIVE") return found;
    throw new AwsError("ClientException", "TaskDefinition is inactive");
  }
}
