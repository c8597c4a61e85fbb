import { AbortedError, TimeoutError } from "./errors.ts";

/** The longest that a timer can wait: 24.8 days. */
export const longestTimerMs = 2 ** 31 - 1;

/** A promise that somebody else settles. `Promise.withResolvers` for Node 20, which the package still runs on. */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T | PromiseLike<T>) => void;
  reject: (reason: unknown) => void;
}

export const deferred = <T = void>(): Deferred<T> => {
  const made = {} as Deferred<T>;
  // The executor runs before the constructor returns.
  made.promise = new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};

/** Rejects with a TimeoutError that names `what` once `timeoutMs` have passed; the timer never outlives the wait. */
export const withDeadline = <T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> => {
  const { promise, resolve, reject } = deferred<T>();
  const timer = setTimeout(() => reject(new TimeoutError(what, timeoutMs)), timeoutMs);
  work.then(resolve, reject);
  return promise.finally(() => clearTimeout(timer));
};

/** Rejects with an AbortedError that names `what` as soon as `signal` is aborted; the work itself is not stopped by that. */
export const unlessAborted = async <T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> => {
  if (signal === undefined) return work;
  const { promise, resolve, reject } = deferred<T>();
  const onAbort = () => reject(new AbortedError(what, { cause: signal.reason }));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  work.then(resolve, reject);
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
};
