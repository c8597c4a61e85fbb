import { voiceDbfs } from "../caller/ear.ts";
import { isVoice } from "../caller/person.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import { sharedBundles } from "../support/bundles.ts";
import { signal } from "../support/signals.ts";
import { agentUserId, BenchCall, decodePackets, type Progress } from "./cloud-under-test.ts";
import { createCpuQuota } from "./cpu-quota.ts";
import { measureJoins } from "./join.ts";
import { playoutLatenessMs } from "./playout-lateness.ts";
import type { Result } from "./report.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** Fargate's smallest memory for each share of a core, in GB. */
const sizes = [
  { vcpu: 0.25, memoryGb: 0.5 },
  { vcpu: 0.5, memoryGb: 1 },
  { vcpu: 1, memoryGb: 2 },
] as const;

/** us-east-1, Linux on ARM, on demand, in USD an hour; each task has a public IPv4 address. As of November 2026. */
const pricePerHourUsd = { vcpu: 0.03238, memoryGb: 0.00356, publicIpv4: 0.005 } as const;

/** What a minute of one task costs, in USD. */
export const pricePerMinuteUsd = ({ vcpu, memoryGb }: { vcpu: number; memoryGb: number }): number =>
  (pricePerHourUsd.vcpu * vcpu + pricePerHourUsd.memoryGb * memoryGb + pricePerHourUsd.publicIpv4) / 60;

const waitMs = 30_000;
const replyMs = 6_000;
const turns = 5;

/** A call in which the agent answers at length, and hears somebody at the same time now and then. */
const latenessOf = async (cloud: Cloud): Promise<Spread> => {
  cloud.openai.mind.clear();
  cloud.openai.mind.add([{ reply: { text: "A long answer.", speech: { signal: "answer", durationMs: replyMs } } }]);
  const call = new BenchCall(cloud);
  const person = await call.join();
  try {
    await person.hears(isVoice, waitMs, "the greeting", 0);
    // Loading and connecting are over: what follows is how it sounds for the rest of the call.
    const settled = call.packetsOf(agentUserId).length;
    for (let turn = 0; turn < turns; turn += 1) {
      const said = await person.say(signal(`utterance ${turn}`, 800));
      const answer = await person.hears(isVoice, waitMs, "an answer", said.lastPacketAtMs + 100);
      await person.hears(({ atMs }) => atMs >= answer.atMs + replyMs - 1_500, waitMs, "most of the answer");
    }
    const packets = call.packetsOf(agentUserId).slice(settled);
    const lateness = playoutLatenessMs(packets);
    // Only what is heard counts: while the stand-in makes an answer's sound, its own SFU stands still.
    const decoded = await decodePackets(packets);
    return spreadOf(lateness.filter((_, index) => (decoded[index]?.dbfs ?? 0) > voiceDbfs));
  } finally {
    await call.end(waitMs);
    await person.leave();
  }
};

const measureSize = async (
  size: (typeof sizes)[number],
  count: number,
  progress: Progress,
): Promise<Result["rows"][number]> => {
  const quota = await createCpuQuota(size.vcpu);
  try {
    const bridgeCommand = (bundleFile: string) => quota.wrap([process.execPath, bundleFile]);
    const cloud = await startCloud({ bundles: await sharedBundles(), bridgeCommand });
    try {
      const { startToGreetingMs } = await measureJoins(cloud, count, progress, `${size.vcpu} vCPU`);
      progress(`${size.vcpu} vCPU: a call of ${turns} turns`);
      return {
        ...size,
        startToGreetingMs: startToGreetingMs as Spread,
        playoutLatenessMs: await latenessOf(cloud),
        usdPerMinute: Number(pricePerMinuteUsd(size).toFixed(6)),
      };
    } finally {
      await cloud.close();
    }
  } finally {
    await quota.remove();
  }
};

/** Which task to rent: what each size costs, how soon its agent greets, and how evenly it speaks. */
export const benchTaskSize = async ({ count = 5 }: { count?: number }, progress: Progress): Promise<Result> => {
  const rows: Result["rows"] = [];
  for (const size of sizes) rows.push(await measureSize(size, count, progress));
  return {
    metrics: {},
    rows,
    notes: [
      "the share is a CPU quota on this machine's x86 core; Fargate's ARM cores may be faster or slower",
      "prices: Fargate on ARM in us-east-1 with a public IPv4 address",
    ],
  };
};
