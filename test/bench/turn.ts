import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { withDeadline } from "../../bridge-task/deadline.ts";
import { createCertificates } from "../cloud/certificate.ts";
import type { Progress } from "./cloud-under-test.ts";
import type { Result } from "./report.ts";
import { percentile } from "./statistics.ts";
import { type Assignment, type ClientName, frameMs, type Plan, type SessionResult } from "./turn/plan.ts";
import { ScriptedServer } from "./turn/server.ts";

const processMs = 120_000;

/** What each client is put through in one round. Each kind of session is held once before, for practice. */
export interface Course {
  /** As fast as the client takes it: events per second, over so many sessions. */
  burst: Plan;
  burstSessions: number;
  /** 30 s of a person's speech and 30 s of the model's: CPU time per minute of talk. */
  talk: Plan;
}

const burst: Plan = { turns: 40, toolEvery: 5, answerMs: 5_000, framesPerTurn: 0, deltaIntervalMs: 0 };
const talk: Plan = { turns: 6, toolEvery: 3, answerMs: 5_000, framesPerTurn: 250, deltaIntervalMs: 2 };
const fullCourse: Course = { burst, burstSessions: 5, talk };

interface Measured {
  client: ClientName;
  eventsPerSecond: number;
  /** The same by the process's CPU time, which other work on the machine does not lengthen much. */
  eventsPerCpuSecond: number;
  /** Of one core, while events came as fast as the client took them; well below 1 and the client was not the bottleneck. */
  burstCpuShare: number;
  cpuSecondsPerMinute: number;
}

/** Runs one client through its sessions in a process of its own. */
const runClient = async (assignment: Assignment, caFile: string): Promise<SessionResult[]> => {
  const entry = fileURLToPath(new URL("turn/client-process.ts", import.meta.url));
  const child = spawn(process.execPath, [entry, JSON.stringify(assignment)], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: caFile },
    stdio: ["ignore", 2, 2, "ipc"],
  });
  const results: SessionResult[] = [];
  child.on("message", (message) => results.push(message as SessionResult));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  try {
    const code = await withDeadline(ended, processMs, `the ${assignment.client} client's process`);
    if (code !== 0 || results.length < assignment.plans.length)
      throw new Error(`the ${assignment.client} client's process ended with ${code} after ${results.length} sessions`);
    return results;
  } finally {
    child.kill("SIGKILL");
  }
};

const measure = async (
  client: ClientName,
  server: ScriptedServer,
  caFile: string,
  course: Course,
): Promise<Measured> => {
  const { burst, burstSessions, talk } = course;
  const practice = { ...talk, turns: Math.ceil(talk.turns / 3) };
  const plans = [burst, ...Array.from({ length: burstSessions }, () => burst), practice, talk];
  const told = plans.map((plan) => server.expect(plan));
  try {
    const results = await runClient({ client, baseUrl: server.baseUrl, plans }, caFile);
    const eventCounts = await Promise.all(told);
    const isMeasured = (_: unknown, session: number) => session >= 1 && session <= burstSessions;
    const bursts = results.filter(isMeasured);
    const wallMs = sum(bursts.map((session) => session.wallMs));
    const cpuMs = sum(bursts.map((session) => session.cpuMs));
    const eventCount = sum(eventCounts.filter(isMeasured));
    const talkMs = talk.turns * (talk.framesPerTurn * frameMs + talk.answerMs);
    return {
      client,
      eventsPerSecond: eventCount / (wallMs / 1_000),
      eventsPerCpuSecond: eventCount / (cpuMs / 1_000),
      burstCpuShare: cpuMs / wallMs,
      cpuSecondsPerMinute: ((results.at(-1)?.cpuMs ?? Number.NaN) / 1_000) * (60_000 / talkMs),
    };
  } finally {
    server.forget();
  }
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const median = (values: readonly number[]): number =>
  percentile(
    values.toSorted((a, b) => a - b),
    50,
  );

const summaryOf = (measured: readonly Measured[]): Result => {
  const mediansOf = (client: ClientName) => {
    const own = measured.filter((round) => round.client === client);
    return {
      eventsPerSecond: median(own.map((round) => round.eventsPerSecond)),
      eventsPerCpuSecond: median(own.map((round) => round.eventsPerCpuSecond)),
      cpuSecondsPerMinute: median(own.map((round) => round.cpuSecondsPerMinute)),
    };
  };
  const [ours, peer] = [mediansOf("ours"), mediansOf("peer")];
  const idle = measured.filter(({ burstCpuShare }) => burstCpuShare < 0.8).length;
  return {
    metrics: {
      eventsPerSecond: Math.round(ours.eventsPerSecond),
      peerEventsPerSecond: Math.round(peer.eventsPerSecond),
      eventsPerSecondRatio: rounded(ours.eventsPerSecond / peer.eventsPerSecond, 2),
      eventsPerCpuSecond: Math.round(ours.eventsPerCpuSecond),
      peerEventsPerCpuSecond: Math.round(peer.eventsPerCpuSecond),
      cpuSecondsPerMinute: rounded(ours.cpuSecondsPerMinute, 4),
      peerCpuSecondsPerMinute: rounded(peer.cpuSecondsPerMinute, 4),
      cpuSecondsPerMinuteRatio: rounded(ours.cpuSecondsPerMinute / peer.cpuSecondsPerMinute, 2),
      n: measured.length / 2,
    },
    rows: measured.map(({ client, eventsPerSecond, eventsPerCpuSecond, burstCpuShare, cpuSecondsPerMinute }) => ({
      client,
      eventsPerSecond: Math.round(eventsPerSecond),
      eventsPerCpuSecond: Math.round(eventsPerCpuSecond),
      burstCpuShare: rounded(burstCpuShare, 2),
      cpuSecondsPerMinute: rounded(cpuSecondsPerMinute, 4),
    })),
    notes: [
      "peer is RealtimeSession of @openai/agents-realtime with its defaults; metrics are medians of the rounds, whose order alternates",
      "a minute of talk is told in a tenth of the time; TLS, WebSocket, base64, tools and the frames' timer are in both clients' numbers",
      "the peer asks for each transcribed item again and gets it with its sound, as from the service; events of that kind are not counted",
      ...(idle > 0
        ? [
            `in ${idle} of ${measured.length} runs the client waited for a processor or for the script: its events per second are too low, those per CPU second hold`,
          ]
        : []),
    ],
  };
};

/** Our client beside OpenAI's own, each in a process of its own, on the same scripted conversations over the same TLS. */
export const benchTurn = async (
  { count = 7, course = fullCourse }: { count?: number; course?: Course },
  progress: Progress,
): Promise<Result> => {
  const { caPem, keyPem, certPem } = await createCertificates();
  const folder = await mkdtemp(path.join(os.tmpdir(), "turn-bench-"));
  const caFile = path.join(folder, "ca.pem");
  await writeFile(caFile, caPem);
  const server = await ScriptedServer.start({ key: keyPem, cert: certPem });
  try {
    const measured: Measured[] = [];
    for (let round = 1; round <= count; round += 1) {
      const order: ClientName[] = round % 2 === 0 ? ["peer", "ours"] : ["ours", "peer"];
      for (const client of order) measured.push(await measure(client, server, caFile, course));
      progress(`round ${round} of ${count}`);
    }
    return summaryOf(measured);
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
};
