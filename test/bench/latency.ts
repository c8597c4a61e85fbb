import type { Progress } from "./cloud-under-test.ts";
import type { Result } from "./report.ts";
export const benchLatency = async (_options: { count?: number }, _progress: Progress): Promise<Result> => { throw new Error("todo"); };
