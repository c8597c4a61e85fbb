import { appendFileSync } from "node:fs";
import type { StoredResource } from "./checkpoint.ts";

export type Step = "create" | "update" | "same" | "delete";

/** What the command line shows of a deploy: one JSON object a line, in the engine's format. */
export class EngineEvents {
  readonly #file: string | undefined;
  #sequence = 0;
  readonly #counts: Partial<Record<Step, number>> = {};

  constructor(file: string | undefined) {
    this.#file = file;
  }

  starting(step: Step, resource: StoredResource): void {
    if (step !== "same") this.#write({ resourcePreEvent: { metadata: this.#metadata(step, resource) } });
  }

  done(step: Step, resource: StoredResource): void {
    this.#counts[step] = (this.#counts[step] ?? 0) + 1;
    this.#write({ resOutputsEvent: { metadata: this.#metadata(step, resource) } });
  }

  failed(step: Step, resource: StoredResource, message: string): void {
    this.#write({ resOpFailedEvent: { metadata: this.#metadata(step, resource), status: 1, steps: 0 } });
    this.error(message, resource.urn);
  }

  error(message: string, urn?: string): void {
    this.#write({
      diagnosticEvent: {
        ...(urn === undefined ? {} : { urn }),
        prefix: "error: ",
        message,
        color: "never",
        severity: "error",
      },
    });
  }

  end(): void {
    const { same = 0, ...changes } = this.#counts;
    this.#write({
      summaryEvent: { maybeCorrupt: false, durationSeconds: 1, resourceChanges: { ...changes, same }, PolicyPacks: {} },
    });
    this.#write({ cancelEvent: {} });
  }

  #metadata(op: Step, { urn, type, custom, id = "", parent = "" }: StoredResource): object {
    const state = { type, urn, custom, id, parent, inputs: {}, outputs: {}, provider: "" };
    const [before, after] = [op === "create" ? null : state, op === "delete" ? null : state];
    const unchanged = { keys: [], diffs: null, detailedDiff: null };
    return { op, urn, type, old: before, new: after, ...unchanged, logical: true, provider: "" };
  }

  #write(event: object): void {
    if (this.#file === undefined) return;
    const timestamp = Math.floor(Date.now() / 1_000);
    appendFileSync(this.#file, `${JSON.stringify({ sequence: this.#sequence, timestamp, ...event })}\n`);
    this.#sequence += 1;
  }
}
