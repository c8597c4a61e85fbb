import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../../../bridge-task/errors.ts";
import { deletionOrder, nameOf, type StoredResource } from "./checkpoint.ts";
import type { EngineEvents, Step } from "./event-log.ts";
import type { Properties, ResourceAnswer, ResourceRequest } from "./protocol.ts";

/** A resource as the program registers it. */
export interface Registration {
  urn: string;
  type: string;
  custom: boolean;
  parent?: string;
  dependencies: readonly string[];
  inputs: Properties;
  ignoreChanges: readonly string[];
  retainOnDelete: boolean;
}

export type Provision = (request: ResourceRequest) => Promise<ResourceAnswer>;

/** Providers and what stands for the stack itself are nobody's resources. */
const isProvisioned = ({ custom, type }: Pick<StoredResource, "custom" | "type">): boolean =>
  custom && !type.startsWith("pulumi:");

const never = new Promise<never>(() => {});

/**
 * One `up` or `destroy`: what the program registers is compared with what the deploy before left, and the difference is
 * provisioned. As in Pulumi's engine: a resource that is replaced is made anew first and deleted at the end, what the program
 * no longer has is deleted after what depends on it, and after a failure nothing new begins.
 */
export class Update {
  /** In the order in which they were made. */
  readonly resources: StoredResource[] = [];
  readonly #former: Map<string, StoredResource>;
  readonly #replaced: StoredResource[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #provision: Provision;
  readonly #events: EngineEvents;
  readonly #failure = Promise.withResolvers<void>();
  #failed = false;

  constructor(options: { former: readonly StoredResource[]; provision: Provision; events: EngineEvents }) {
    this.#former = new Map(options.former.map((resource) => [resource.urn, resource]));
    this.#provision = options.provision;
    this.#events = options.events;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Resolves on the first failure. */
  get failure(): Promise<void> {
    return this.#failure.promise;
  }

  /** Resolves with the resource's id and outputs. After a failure it never does: the program goes no further. */
  async register(registration: Registration): Promise<StoredResource> {
    const { ignoreChanges, retainOnDelete, ...resource } = registration;
    const former = this.#former.get(resource.urn);
    const known = Object.keys(former?.inputs ?? {});
    const kept = ignoreChanges.includes("*") ? known : known.filter((name) => ignoreChanges.includes(name));
    const inputs = { ...resource.inputs, ...Object.fromEntries(kept.map((name) => [name, former?.inputs[name]])) };
    const wanted = { ...resource, inputs, outputs: inputs, ...(retainOnDelete ? { retainOnDelete } : {}) };
    if (this.#failed) return never;
    const work = this.#make(wanted, former);
    this.#running.add(work);
    const made = await work.finally(() => this.#running.delete(work));
    return made ?? never;
  }

  /** Deletes what this run replaced or did not register. */
  async deleteRest(): Promise<void> {
    const registered = new Set(this.resources.map(({ urn }) => urn));
    const gone = [...this.#former.values()].filter(({ urn }) => !registered.has(urn));
    for (const resource of deletionOrder([...gone, ...this.#replaced])) {
      if (this.#failed) this.resources.push(resource);
      else await this.#delete(resource);
    }
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** What the deploy before had and this one did not come to, kept in the state after a failure. */
  keepUnreached(): void {
    const reached = new Set(this.resources.map(({ urn }) => urn));
    this.resources.push(...[...this.#former.values()].filter(({ urn }) => !reached.has(urn)), ...this.#replaced);
  }

  fail(message: string): void {
    this.#events.error(message);
    this.#stop();
  }

  #stop(): void {
    this.#failed = true;
    this.#failure.resolve();
  }

  /** Undefined where it failed. */
  async #make(wanted: StoredResource, former: StoredResource | undefined): Promise<StoredResource | undefined> {
    const step = stepOf(wanted, former);
    this.#events.starting(step, wanted);
    if (step === "same" || !isProvisioned(wanted)) {
      const outputs = isProvisioned(wanted) ? (former?.outputs ?? {}) : wanted.outputs;
      return this.#keep(step, { ...wanted, outputs, ...(former?.id === undefined ? {} : { id: former.id }) });
    }
    try {
      const { type, inputs } = wanted;
      const { id, outputs, replaced } = await this.#provision({
        operation: step === "create" ? "create" : "update",
        type,
        name: nameOf(wanted),
        inputs,
        ...(former?.id === undefined ? {} : { former: { ...former, id: former.id } }),
      });
      if (replaced && former) this.#replaced.push(former);
      return this.#keep(step, { ...wanted, id, outputs });
    } catch (error) {
      this.#events.failed(step, wanted, messageOf(error));
      this.#stop();
      return undefined;
    }
  }

  #keep(step: Step, resource: StoredResource): StoredResource {
    const made =
      resource.custom && resource.id === undefined ? { ...resource, id: `${nameOf(resource)}-id` } : resource;
    this.resources.push(made);
    this.#events.done(step, made);
    return made;
  }

  async #delete(resource: StoredResource): Promise<void> {
    this.#events.starting("delete", resource);
    const { id, type, inputs, outputs, retainOnDelete } = resource;
    try {
      if (isProvisioned(resource) && id !== undefined && !retainOnDelete) {
        const former = { id, inputs, outputs };
        await this.#provision({ operation: "delete", type, name: nameOf(resource), inputs, former });
      }
      this.#events.done("delete", resource);
    } catch (error) {
      this.#events.failed("delete", resource, messageOf(error));
      this.resources.push(resource);
      this.#stop();
    }
  }
}

const stepOf = (wanted: StoredResource, former: StoredResource | undefined): Step => {
  if (former === undefined) return "create";
  return isDeepStrictEqual(former.inputs, wanted.inputs) ? "same" : "update";
};
