/** What goes wrong with the next requests of an action. */
export type Fault =
  /** ThrottlingException, nothing done. */
  | { kind: "throttle" }
  /** Another error of the service, nothing done. `status` 400 unless told; `members` go into the answer, e.g. resourceIds. */
  | { kind: "error"; code: string; message?: string; status?: number; members?: Record<string, unknown> }
  /** 200 with `failures[]` and no task: what ECS answers when it cannot place one. RunTask only. */
  | { kind: "failures"; reason: string }
  /** Done, but only after `delayMs`. */
  | { kind: "delay"; delayMs: number }
  /** Done, and the connection is cut before the answer. */
  | { kind: "lose_answer" };

export type PlannedFault = Fault & {
  /** e.g. "RunTask". */ action: string /** Requests it strikes; 1 unless told. */;
  times?: number;
};

/** Planned faults, first in, first out per action; each strikes one request at a time. */
export class Faults {
  #planned: (PlannedFault & { times: number })[] = [];

  plan(fault: PlannedFault): void {
    this.#planned.push({ ...fault, times: fault.times ?? 1 });
  }

  /** The fault that strikes this request, if one does. */
  take(action: string): Fault | undefined {
    const fault = this.#planned.find((planned) => planned.action === action);
    if (fault === undefined) return undefined;
    fault.times -= 1;
    if (fault.times <= 0) this.#planned.splice(this.#planned.indexOf(fault), 1);
    return fault;
  }

  list(): readonly PlannedFault[] {
    return this.#planned;
  }

  clear(): void {
    this.#planned = [];
  }
}
