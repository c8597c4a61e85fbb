import { sharedBundles } from "../support/bundles.ts";
import type { Progress } from "./cloud-under-test.ts";
import type { Result } from "./report.ts";
import { spreadOf } from "./statistics.ts";
import { DispatchUnderTest, type Invoked } from "./webhook/dispatch-under-test.ts";

/** Node compiles what runs often: until then a function is neither cold nor warm. */
const warmUpRounds = 20;
const coldShare = 5;

const requests = {
  "call.created, launched": async (dispatch, call) => {
    const { id, invoked } = await dispatch.create();
    call.id = id;
    return invoked;
  },
  "POST, launched": (dispatch, { id }) => dispatch.post(id, 202),
  "POST, present": (dispatch, { id }) => dispatch.post(id, 200),
  "call.updated, ignored": (dispatch, { id }) => dispatch.update(id),
} satisfies Record<string, (dispatch: DispatchUnderTest, call: { id: string }) => Promise<Invoked>>;

type Request = keyof typeof requests;
const names = Object.keys(requests) as Request[];

/** One call, and every request once. */
const round = async (dispatch: DispatchUnderTest): Promise<Record<Request, Invoked>> => {
  const call = { id: "" };
  const invoked: [string, Invoked][] = [];
  for (const name of names) invoked.push([name, await requests[name](dispatch, call)]);
  await dispatch.forgetCalls();
  return Object.fromEntries(invoked) as Record<Request, Invoked>;
};

const measureWarm = async (bundleFile: string, count: number, warmUpCount: number, progress: Progress) => {
  const dispatch = await DispatchUnderTest.start(bundleFile);
  try {
    for (let at = 0; at < warmUpCount; at += 1) await round(dispatch);
    const rounds: Record<Request, Invoked>[] = [];
    while (rounds.length < count) {
      rounds.push(await round(dispatch));
      if (rounds.length % 20 === 0) progress(`warm: round ${rounds.length} of ${count}`);
    }
    return rounds;
  } finally {
    await dispatch.close();
  }
};

const measureCold = async (bundleFile: string, count: number, progress: Progress): Promise<Invoked[]> => {
  const firsts: Invoked[] = [];
  while (firsts.length < count) {
    const dispatch = await DispatchUnderTest.start(bundleFile);
    try {
      firsts.push((await dispatch.create()).invoked);
    } finally {
      await dispatch.close();
    }
    progress(`cold: start ${firsts.length} of ${count}`);
  }
  return firsts;
};

/** The webhook's bundle as a function: what it weighs, how long its first request takes, and what later ones cost our own code. */
export const benchWebhook = async (
  { count = 100, warmUpCount = warmUpRounds }: { count?: number; warmUpCount?: number },
  progress: Progress,
): Promise<Result> => {
  const bundle = (await sharedBundles()).find(({ name }) => name === "webhook");
  if (!bundle) throw new Error("the webhook's bundle was not built");
  const cold = await measureCold(bundle.file, Math.ceil(count / coldShare), progress);
  const warm = await measureWarm(bundle.file, count, warmUpCount, progress);
  const warmOf = (name: Request) => spreadOf(warm.map((invoked) => invoked[name].ownMs));
  return {
    metrics: {
      bundleKb: Math.round(bundle.bytes / 100) / 10,
      coldStartMs: spreadOf(cold.map(({ initMs = 0, wholeMs }) => initMs + wholeMs)),
      initMs: spreadOf(cold.map(({ initMs = 0 }) => initMs)),
      warmMs: warmOf("call.created, launched"),
    },
    rows: names.map((name) => ({
      request: name,
      warmMs: warmOf(name),
      withServicesMs: spreadOf(warm.map((invoked) => invoked[name].wholeMs)),
    })),
    notes: [
      "coldStartMs: from process start to the first answer, a launch, with the stand-ins' time in it; initMs of it until the function could take an event",
      "warmMs: from the event handed to the function to its answer, without the time in which DynamoDB, ECS or Stream (stand-ins on loopback) was at work on a request of its; asking them counts as ours",
      "a function has a whole core here; Lambda gives that from 1,769 MB of memory on",
    ],
  };
};
