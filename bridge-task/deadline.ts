import { TimeoutError } from "./errors.ts";

/** Rejects with a TimeoutError that names `what` once `timeoutMs` have passed; the timer never outlives the wait. */
export const withDeadline = <T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> => {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(new TimeoutError(what, timeoutMs)), timeoutMs);
  work.then(resolve, reject);
  return promise.finally(() => clearTimeout(timer));
};
