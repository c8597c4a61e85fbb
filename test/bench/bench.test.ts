import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCpuQuota } from "./cpu-quota.ts";
import { cpuTicksOf, usageOf } from "./process-usage.ts";
import { percentile, spreadOf } from "./statistics.ts";

describe("spreads", () => {
  test("are values that were measured, whatever was measured", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, rank) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = percentile(sorted, rank);
        expect(sorted).toContain(found);
        expect(sorted.filter((value) => value <= found).length).toBeGreaterThanOrEqual((rank / 100) * values.length);
      }),
    );
  });

  test("have a p99 only from 100 values on", () => {
    const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
    expect(spreadOf(upTo(20))).toEqual({ p50: 10, p95: 19, n: 20 });
    expect(spreadOf(upTo(200))).toEqual({ p50: 100, p95: 190, p99: 198, n: 200 });
  });

  test("of nothing are refused instead of invented", () => {
    expect(() => spreadOf([])).toThrow("no value was measured");
  });
});

describe("what a process uses", () => {
  test("is read behind a command name with spaces and brackets", () => {
    expect(cpuTicksOf("7 (a ) b (c) R 1 7 7 0 -1 4194304 100 0 0 0 31 11 0 0 20 0")).toBe(42);
  });

  test.skipIf(os.platform() !== "linux")("is this process's own", async () => {
    const usage = await usageOf(process.pid);
    expect(usage.cpuMs).toBeGreaterThan(0);
    expect(usage.rssMb).toBeCloseTo(process.memoryUsage.rss() / 2 ** 20, -2);
  });
});

describe("a CPU quota", () => {
  test("says why where a control group cannot be created", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "no-cgroup-"));
    await expect(createCpuQuota(0.5, path.join(folder, "missing"))).rejects.toThrow("no CPU quota");
    await rm(folder, { recursive: true });
  });

  test("holds a busy process to its share and leaves nothing behind", async (context) => {
    const quota = await createCpuQuota(0.25).catch((error) => context.skip(String(error)));
    const spin =
      "const t = performance.now(); while (performance.now() - t < 600); const c = process.cpuUsage(); console.log((c.user + c.system) / 1000)";
    const [file = "", ...args] = quota.wrap([process.execPath, "-e", spin]);
    const { stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
    await quota.remove();
    expect(stderr).toBe("");
    expect(Number(stdout)).toBeGreaterThan(50);
    expect(Number(stdout)).toBeLessThan(350);
  });
});
