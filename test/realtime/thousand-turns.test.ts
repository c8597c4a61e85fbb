import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it, onTestFailed, onTestFinished } from "vitest";
import { EventLog } from "../cloud/event-log.ts";
import { type Agent, collect, startAgent } from "./client-fixture.ts";
import { expectAgreement, expectNothingPending } from "./random-turns/agreement.ts";
import { Dice } from "./random-turns/dice.ts";
import { plannedCodes, quickVoicebox, randomRules } from "./random-turns/model.ts";
import { RandomTurns } from "./random-turns/random-turns.ts";

/* The order of things is chance twice over: by the seed, and by when the two ends of a real socket get to run. Whatever the
 * order, both ends must agree in the end. */

interface Run {
  agent: Agent;
  turns: RandomTurns;
}

/** A session in which everything but the conversation is bounded, so that nothing else may grow. */
const begin = async (seed: number): Promise<Run> => {
  const agent = await startAgent(
    {},
    {
      fallbackRules: randomRules(new Dice(seed + 2)),
      voicebox: await quickVoicebox(),
      log: new EventLog(2_000),
      maxRecordedMs: 5_000,
      settings: { chunkMs: [20, 120] },
    },
  );
  const turns = new RandomTurns(agent, seed);
  onTestFinished(() => turns.close());
  onTestFailed(() => console.error(`TURN_SEED=${seed}, turn ${turns.count}; the latest events:\n${turns.record.tail}`));
  await turns.begin();
  return { agent, turns };
};

const turnsBetweenQuiets = 25;

/** Takes so many turns; now and then everybody falls silent, and both ends must agree. */
const take = async ({ agent, turns }: Run, count: number): Promise<void> => {
  for (let turn = 1; turn <= count; turn += 1) {
    await turns.turn();
    agent.log.length = 0;
    if (turn % turnsBetweenQuiets !== 0) continue;
    await turns.quiet();
    expectNothingPending(turns);
    expectAgreement(agent.client, turns);
  }
};

setFlagsFromString("--expose-gc");
// Compiled code lies in the same heap and comes when it likes, up to 1 MB of it: more than what is looked for. There is none.
for (const flag of ["--no-opt", "--no-maglev", "--no-sparkplug", "--no-flush-bytecode"]) setFlagsFromString(flag);
const collectGarbage = runInNewContext("gc") as (options: object) => void;

/** What is in use; all that can be collected is, and some of it is only freed a moment later. */
const heapBytes = async (): Promise<number> => {
  const measured: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    collectGarbage({ type: "major", flavor: "last-resort" });
    await sleep(20);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    measured.push(heapUsed + arrayBuffers);
  }
  return Math.min(...measured);
};

/** Removes the whole conversation, and tells how much each of its items had taken. */
const forget = async ({ agent, turns }: Run): Promise<{ items: number; bytesPerItem: number; bytesLeft: number }> => {
  const { client } = agent;
  const items = turns.server.items().length;
  const bytes = await heapBytes();
  await turns.removeAll();
  expect([turns.server.items().length, client.conversation.getItems().length]).toEqual([1, 1]);
  agent.log.length = 0;
  const bytesLeft = await heapBytes();
  return { items, bytesPerItem: (bytes - bytesLeft) / items, bytesLeft };
};

/**
 * For an item of the conversation: both ends hold it, in this process, with its text twice at ours (1.45 kB measured). A single
 * 100 ms delta of its sound would be 4.8 kB.
 */
const maxBytesPerItem = 1_700;
/** For a turn of which no conversation holds anything any more: lists with a bound that 200 turns do not fill, in the stand-in for most part (1.05 kB measured). */
const maxBytesPerTurn = 1_400;
const firstTurns = 200;
const laterTurns = 800;

it("A thousand turns with interruptions at any moment leave both ends with one conversation, nothing pending, the heap flat", {
  timeout: 240_000,
}, async () => {
  const run = await begin(Number(process.env.TURN_SEED ?? 20_261_122));
  const { client } = run.agent;
  const { record } = run.turns;
  const notices = collect(client, "error");

  await take(run, firstTurns);
  const early = await forget(run);
  await take(run, laterTurns);
  const late = await forget(run);
  expect(late.bytesPerItem).toBeLessThan(maxBytesPerItem);
  expect((late.bytesLeft - early.bytesLeft) / laterTurns).toBeLessThan(maxBytesPerTurn);

  // The application was told of no error but those that were planned.
  const codes = new Set(notices.map(({ error }) => error.code));
  expect([...codes].filter((code) => ![...Object.values(plannedCodes), "server_error"].includes(`${code}`))).toEqual(
    [],
  );
  // It all did happen.
  expect(record.count("input_audio_buffer.speech_started")).toBeGreaterThan(400);
  expect(record.count("conversation.item.truncated")).toBeGreaterThan(50);
  expect(record.count("response.function_call_arguments.done")).toBeGreaterThan(200);
  expect(record.count("response.cancel")).toBeGreaterThan(100);
  expect(late.items).toBeGreaterThan(1_500);
});

it("Two hundred turns that nobody has seen before do too", { timeout: 120_000 }, async () => {
  await take(await begin(Date.now() % 2 ** 31), 200);
});
