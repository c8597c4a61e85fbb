import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat } from "../../bridge-task/audio/pcm.ts";
import { epochMs } from "../cloud/event-log.ts";
import { signal, silence } from "../support/signals.ts";
import { packetLatencies } from "./align.ts";
import { createCpuQuota } from "./cpu-quota.ts";
import { bargeInToSilence, deltaToPacket } from "./latency.ts";
import { playoutLatenessMs } from "./playout-lateness.ts";
import { cpuTicksOf, usageOf } from "./process-usage.ts";
import { percentile, type Spread, spreadOf } from "./statistics.ts";
import { pricePerMinuteUsd } from "./task-size.ts";
import { benchTurn } from "./turn.ts";
import { coveredMs, ServiceClock } from "./webhook/service-clock.ts";
import { benchWebhook } from "./webhook.ts";

describe("spreads", () => {
  test("are values that were measured, whatever was measured", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
        fc.integer({ min: 1, max: 100 }),
        (values, rank) => {
          const sorted = values.toSorted((a, b) => a - b);
          const found = percentile(sorted, rank);
          expect(sorted).toContain(found);
          expect(sorted.filter((value) => value <= found).length).toBeGreaterThanOrEqual((rank / 100) * values.length);
        },
      ),
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

describe("what a packet took to the model", () => {
  const voice = signal("utterance", 400);
  const packets = Array.from({ length: 20 }, (_, index) => {
    const pcm = voice.slice(index * 480, (index + 1) * 480);
    return { arrivalMs: 1_000 + index * 20, pcm, dbfs: -20 };
  });
  /** The model's input: silence of `leadMs`, then the utterance; each append is one frame and `lateMs` behind its packet. */
  const inputOf = (leadMs: number, lateMs: number) => {
    const pcm = concat([silence(leadMs), voice]);
    const frames = pcm.length / 480;
    const arrivals = Array.from({ length: frames }, (_, index) => ({
      atMs: 1_000 - leadMs + index * 20 + lateMs,
      samples: 480,
      endMs: (index + 1) * 20,
    }));
    return { pcm, arrivals };
  };

  test("is found by its sound, wherever the model's clock stands", () => {
    expect(packetLatencies(packets, inputOf(200, 7))).toEqual(packets.map(() => 7));
    expect(packetLatencies(packets, inputOf(640, 7))).toEqual(packets.map(() => 7));
  });

  test("is not told for an utterance of which a piece is missing", () => {
    const { pcm, arrivals } = inputOf(200, 7);
    const cut = concat([pcm.slice(0, 9_600), pcm.slice(10_080)]);
    expect(packetLatencies(packets, { pcm: cut, arrivals })).toBeUndefined();
    expect(packetLatencies(packets, { pcm: new Int16Array(24_000), arrivals })).toBeUndefined();
  });
});

describe("lateness of the agent's voice", () => {
  const packets = (arrivals: readonly number[], firstTimestamp = 0) =>
    arrivals.map((arrivalMs, index) => ({ arrivalMs, timestamp: (firstTimestamp + index * 960) >>> 0 }));

  test("is what a packet is behind the one that was least late", () => {
    expect(playoutLatenessMs(packets([1_000, 1_020, 1_047, 1_060]))).toEqual([0, 0, 7, 0]);
    expect(playoutLatenessMs(packets([1_030, 1_040, 1_041, 1_060]))).toEqual([30, 20, 1, 0]);
    expect(playoutLatenessMs([])).toEqual([]);
  });

  test("does not see a pause in which nothing was due, nor the wrap of the timestamp", () => {
    const paused = [
      { arrivalMs: 0, timestamp: 0 },
      { arrivalMs: 500, timestamp: 500 * 48 },
    ];
    expect(playoutLatenessMs(paused)).toEqual([0, 0]);
    expect(playoutLatenessMs(packets([0, 20, 45], 2 ** 32 - 960))).toEqual([0, 0, 5]);
  });
});

test("a minute of half a core with 1 GB costs 0.04 cents", () => {
  expect(pricePerMinuteUsd({ vcpu: 0.5, memoryGb: 1 })).toBeCloseTo((0.01619 + 0.00356 + 0.005) / 60, 9);
});

describe("delays of the agent's voice", () => {
  const agent = [0, 20, 40, 60, 80].map((arrivalMs) => ({
    arrivalMs,
    pcm: new Int16Array(480),
    dbfs: arrivalMs >= 40 && arrivalMs < 80 ? -20 : -90,
  }));

  test("are counted from the first audio to the first packet with voice", () => {
    expect(deltaToPacket([25], agent)).toEqual([15]);
    expect(deltaToPacket([90], agent)).toEqual([]);
  });

  test("are counted from the start of speech to the last packet with voice, if the agent was speaking", () => {
    expect(bargeInToSilence([50], [], agent)).toEqual([10]);
    expect(bargeInToSilence([400], [], agent)).toEqual([]);
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

describe("the time in which services are at work", () => {
  const interval = fc
    .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 50 }))
    .map(([fromMs, tookMs]) => ({ fromMs, toMs: fromMs + tookMs }));

  test("counts every millisecond once, however requests overlap", () => {
    fc.assert(
      fc.property(fc.array(interval), interval, (intervals, within) => {
        const atWork = Array.from({ length: 200 }, (_, ms) => ms).filter(
          (ms) =>
            ms >= within.fromMs && ms < within.toMs && intervals.some(({ fromMs, toMs }) => ms >= fromMs && ms < toMs),
        );
        expect(coveredMs(intervals, within)).toBe(atWork.length);
      }),
    );
  });

  test("is what passes between a request and its answer, which goes through unchanged", async () => {
    const service = http.createServer(async (request, response) => {
      const body = (await Array.fromAsync(request)).join("");
      setTimeout(() => response.writeHead(201, { "x-method": request.method }).end(`${request.url} ${body}`), 60);
    });
    await once(service.listen(0, "127.0.0.1"), "listening");
    const clock = new ServiceClock();
    try {
      const door = await clock.open(() => `http://127.0.0.1:${(service.address() as AddressInfo).port}`);
      const fromMs = epochMs();
      const response = await fetch(`${door}/a?b=c`, { method: "POST", body: "hello" });
      expect([response.status, response.headers.get("x-method"), await response.text()]).toEqual([
        201,
        "POST",
        "/a?b=c hello",
      ]);
      const tookMs = epochMs() - fromMs;
      const spentMs = clock.spentMs({ fromMs, toMs: fromMs + tookMs });
      expect(spentMs).toBeGreaterThan(55);
      expect(spentMs).toBeLessThanOrEqual(tookMs);
    } finally {
      await clock.close();
      service.close();
      service.closeAllConnections();
    }
  });
});

describe("the webhook's function", () => {
  test("launches, by event and by POST, and is measured by it, cold and warm", async () => {
    const { metrics, rows } = await benchWebhook({ count: 2, warmUpCount: 1 }, () => {});
    expect(metrics.bundleKb).toBeGreaterThan(100);
    expect(metrics.coldStartMs).toMatchObject({ n: 1 });
    expect(metrics.warmMs).toMatchObject({ n: 2 });
    expect(rows.map(({ request }) => request)).toEqual([
      "call.created, launched",
      "POST, launched",
      "POST, present",
      "call.updated, ignored",
    ]);
    for (const { warmMs, withServicesMs } of rows as { warmMs: Spread; withServicesMs: Spread }[]) {
      expect(warmMs.p50).toBeGreaterThan(0);
      expect(warmMs.p50).toBeLessThanOrEqual(withServicesMs.p50);
    }
  });
});

describe("our model client beside its peer", () => {
  test("both hold the same short conversation, with its tool, and are measured by it", async () => {
    const plan = { turns: 2, toolEvery: 2, answerMs: 500, deltaIntervalMs: 0 };
    const course = {
      burst: { ...plan, framesPerTurn: 0 },
      burstSessions: 1,
      talk: { ...plan, framesPerTurn: 20 },
    };
    const { metrics, rows } = await benchTurn({ count: 1, course }, () => {});
    expect(rows.map(({ client }) => client)).toEqual(["ours", "peer"]);
    for (const name of ["eventsPerSecond", "cpuSecondsPerMinute", "peerEventsPerSecond", "peerCpuSecondsPerMinute"])
      expect(metrics[name], name).toBeGreaterThan(0);
    expect(metrics.n).toBe(1);
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
