import { expect, test } from "vitest";
import { agentLevel, noTurns, personLevel, type TurnLatency } from "../cloud/page/turn-latency.ts";

const loud = -20;
const silent = -100;

/** Plays 20 ms blocks of both sides and returns the latencies that were told. */
const play = (durationMs: number, person: (atMs: number) => boolean, agent: (atMs: number) => boolean) => {
  let state: TurnLatency = noTurns;
  const answers: number[] = [];
  const audible: boolean[] = [];
  for (let atMs = 0; atMs < durationMs; atMs += 20) {
    state = personLevel(state, person(atMs) ? loud : silent, atMs).state;
    const step = agentLevel(state, agent(atMs) ? loud : silent, atMs);
    state = step.state;
    audible.push(step.agentAudible);
    if (step.answeredAfterMs !== null) answers.push(step.answeredAfterMs);
  }
  return { answers, audible };
};

const between = (fromMs: number, toMs: number) => (atMs: number) => atMs >= fromMs && atMs < toMs;

test("latency runs from the last voiced moment to the first sound of the answer", () => {
  expect(play(4_000, between(0, 1_000), between(1_700, 3_000)).answers).toEqual([720]);
});

test("a pause inside a sentence does not end the turn", () => {
  const person = (atMs: number) => between(0, 600)(atMs) || between(1_200, 2_000)(atMs);
  expect(play(4_000, person, between(2_500, 3_000)).answers).toEqual([520]);
});

test("a greeting answers nobody", () => {
  expect(play(3_000, between(2_000, 2_500), between(0, 1_000)).answers).toEqual([]);
});

test("a cough is not a turn", () => {
  expect(play(2_000, between(0, 100), between(600, 1_500)).answers).toEqual([]);
});

test("what the person talks over is not their answer, what follows it is", () => {
  const agent = (atMs: number) => between(0, 1_200)(atMs) || between(2_600, 3_000)(atMs);
  expect(play(4_000, between(1_000, 2_000), agent).answers).toEqual([620]);
});

test("a sentence's answer is counted once, however many pauses it has", () => {
  const agent = (atMs: number) => between(1_500, 2_000)(atMs) || between(2_500, 3_000)(atMs);
  expect(play(4_000, between(0, 1_000), agent).answers).toEqual([520]);
});

test("the agent stays audible through a short pause and no longer", () => {
  const { audible } = play(1_000, () => false, between(0, 200));
  expect(audible.lastIndexOf(true) * 20).toBe(460);
});
