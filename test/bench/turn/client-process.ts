import { setTimeout as sleep } from "node:timers/promises";
import { samplesPerMs } from "../../../bridge-task/audio/pcm.ts";
import { deferred, withDeadline } from "../../../bridge-task/deadline.ts";
import { signal } from "../../support/signals.ts";
import {
  type Assignment,
  type ClientName,
  frameMs,
  type Plan,
  responsesOf,
  type SessionResult,
  toolTurnsOf,
} from "./plan.ts";
import type { ConnectTurnClient, TurnClient } from "./turn-client.ts";

/** One client in a process of its own: it holds the sessions it is told to, and tells its parent what each took. */
const clients: Record<ClientName, () => Promise<ConnectTurnClient>> = {
  ours: async () => (await import("./ours.ts")).connectOurs,
  peer: async () => (await import("./peer.ts")).connectPeer,
};

/** A minute of talk is told in six seconds: what each frame and each delta costs does not depend on the pause after it. */
const speedUp = 10;
const sessionMs = 60_000;

const framesOf = (plan: Plan): Int16Array[] => {
  const frameCount = Math.max(1, plan.framesPerTurn);
  const speech = signal("question", frameCount * frameMs);
  const samples = frameMs * samplesPerMs;
  return Array.from({ length: frameCount }, (_, index) => speech.slice(index * samples, (index + 1) * samples));
};

const speak = async (client: TurnClient, frames: readonly Int16Array[]): Promise<void> => {
  let dueAt = performance.now();
  for (const frame of frames) {
    client.append(frame);
    dueAt += frameMs / speedUp;
    const earlyMs = dueAt - performance.now();
    if (earlyMs > 0) await sleep(earlyMs);
  }
};

const hold = async (connect: ConnectTurnClient, baseUrl: string, plan: Plan): Promise<SessionResult> => {
  let responses = 0;
  let answered = deferred<void>();
  const onResponseDone = () => {
    responses += 1;
    answered.resolve();
    answered = deferred();
  };
  const until = async (count: number) => {
    while (responses < count)
      await withDeadline(answered.promise, sessionMs, `waiting for response ${responses + 1} of ${count}`);
  };
  const frames = framesOf(plan);
  const client = await connect({ baseUrl, onResponseDone });
  try {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    if (plan.framesPerTurn === 0) await speak(client, frames);
    else
      for (let turn = 1; turn <= plan.turns; turn += 1) {
        await speak(client, frames);
        await until(responsesOf({ ...plan, turns: turn }));
      }
    await until(responsesOf(plan));
    const wallMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    const heardMs = client.heardSamples / samplesPerMs;
    const expectedMs = plan.turns * plan.answerMs;
    if (heardMs !== expectedMs || client.toolCalls !== toolTurnsOf(plan))
      throw new Error(`heard ${heardMs} of ${expectedMs} ms, ran ${client.toolCalls} of ${toolTurnsOf(plan)} tools`);
    return { wallMs, cpuMs: (user + system) / 1_000, heardMs, toolCalls: client.toolCalls };
  } finally {
    await client.close();
  }
};

const { client, baseUrl, plans } = JSON.parse(process.argv[2] ?? "") as Assignment;
const connect = await clients[client]();
for (const plan of plans) process.send?.(await hold(connect, baseUrl, plan));
process.disconnect?.();
