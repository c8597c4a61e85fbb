import { existsSync } from "node:fs";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { messageOf } from "../../bridge-task/errors.ts";

/** A cgroup that holds its processes to a share of one core. */
export interface CpuQuota {
  /** The command, started inside the group. */
  wrap(command: readonly string[]): string[];
  remove(): Promise<void>;
}

const periodUs = 100_000;

/** Enters the group as a shell, then becomes the command: same pid, no process in between. */
const enter = 'echo $$ > "$0" && exec "$@"';

const limitsOf = (root: string, vcpu: number): { folder: string; limits: Record<string, number | string> } => {
  const quotaUs = Math.round(vcpu * periodUs);
  const name = `agent-bench-${process.pid}-${quotaUs}`;
  return existsSync(path.join(root, "cgroup.controllers"))
    ? { folder: path.join(root, name), limits: { "cpu.max": `${quotaUs} ${periodUs}` } }
    : {
        folder: path.join(root, "cpu", name),
        limits: { "cpu.cfs_period_us": periodUs, "cpu.cfs_quota_us": quotaUs },
      };
};

/** Creates the group under cgroup v2 or v1. Rejects with the reason where this user or system cannot. */
export const createCpuQuota = async (vcpu: number, root = "/sys/fs/cgroup"): Promise<CpuQuota> => {
  const { folder, limits } = limitsOf(root, vcpu);
  try {
    await mkdir(folder);
  } catch (cause) {
    throw new Error(`no CPU quota: a control group cannot be created here (${messageOf(cause)})`, { cause });
  }
  const remove = () => rmdir(folder);
  try {
    for (const [file, value] of Object.entries(limits))
      await writeFile(path.join(folder, file), String(value), { flag: "r+" });
  } catch (cause) {
    await remove();
    throw new Error(`no CPU quota: the cpu controller cannot be set here (${messageOf(cause)})`, { cause });
  }
  return { wrap: (command) => ["sh", "-c", enter, path.join(folder, "cgroup.procs"), ...command], remove };
};
