import os from "node:os";

/** What the numbers were measured on. Other work on the machine shows in `load`. */
export interface Machine {
  cpus: number;
  model: string;
  memoryGb: number;
  platform: string;
  node: string;
  /** Load average of the last minute when the benchmark began. */
  load: number;
}

export const describeMachine = (): Machine => ({
  cpus: os.availableParallelism(),
  model: os.cpus()[0]?.model.trim() ?? "unknown",
  memoryGb: Math.round(os.totalmem() / 1e8) / 10,
  platform: `${os.platform()} ${os.arch()} ${os.release()}`,
  node: process.version,
  load: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
});
