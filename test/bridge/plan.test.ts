import { describe, expect, onTestFinished, test, vi } from "vitest";
import { defineAgent, type InProcessTool } from "../../bridge-task/agents/agent.ts";
import { InvalidInputError, TimeoutError } from "../../bridge-task/errors.ts";
import type { Assignment } from "../../bridge-task/job.ts";
import { type PlanSources, planOf } from "../../bridge-task/task/plan.ts";

const facts = {
  type: "default",
  id: "1",
  cid: "default:1",
  custom: { language: "German" },
  createdBy: { id: "app", custom: {} },
};

const sources = (changes: Partial<PlanSources> = {}): PlanSources => ({
  agentUserId: "nova",
  callFacts: async () => facts,
  secret: () => undefined,
  ...changes,
});

const noFacts = () => Promise.reject(new Error("the call was asked for"));

const lookUp: InProcessTool = { name: "look_up", handler: () => null };

const nova = defineAgent({
  user: { id: "nova", name: "Nova", custom: { department: "support" } },
  session: { instructions: "You are Nova.", voice: "marin" },
  tools: ["get_current_time", lookUp],
  greeting: "Say hello.",
  waitFor: "1 minute",
  inCall: { captions: true },
});

const said = (changes: Partial<Assignment> = {}): Assignment => ({ user: { id: "nova" }, ...changes });

describe("without a definition", () => {
  test("what was said is all, and the rest is the defaults", async () => {
    const assignment = said({ user: { id: "nova", name: "N" }, session: { instructions: "Be brief." } });
    const plan = await planOf(assignment, undefined, sources({ callFacts: noFacts }));
    expect(plan).toMatchObject({
      user: { id: "nova", name: "N" },
      session: { instructions: "Be brief." },
      tools: [],
      join: "now",
      onEmpty: "leave",
      limits: { waitForMs: 120_000, idleTimeoutMs: 15_000, maxDurationMs: 4 * 3_600_000 },
      data: {},
    });
    expect(plan).not.toHaveProperty("greeting");
    expect(plan.connected).toBeUndefined();
  });
});

describe("over a definition", () => {
  test("what was left out is the definition's", async () => {
    const plan = await planOf(said(), nova, sources({ callFacts: noFacts }));
    expect(plan).toMatchObject({
      user: { id: "nova", name: "Nova", custom: { department: "support" } },
      session: { instructions: "You are Nova.", audio: { output: { voice: "marin" } } },
      tools: ["get_current_time", lookUp],
      greeting: "Say hello.",
      limits: { waitForMs: 60_000, idleTimeoutMs: 15_000 },
    });
  });

  test("what was said counts: keys of session, user and inCall one by one, all else whole", async () => {
    const assignment = said({
      user: { id: "nova", name: "Nova of sales", custom: { shift: 2 } },
      session: { instructions: "You sell." },
      tools: ["end_call"],
      greeting: "Sell something.",
      waitFor: "5 minutes",
      idleTimeout: "3 seconds",
      onEmpty: "end-call",
      join: "first-person",
      inCall: { tools: true },
      data: { customer: 7 },
    });
    expect(await planOf(assignment, nova, sources())).toMatchObject({
      user: { id: "nova", name: "Nova of sales", custom: { department: "support", shift: 2 } },
      session: { instructions: "You sell.", audio: { output: { voice: "marin" } } },
      tools: ["end_call"],
      greeting: "Sell something.",
      limits: { waitForMs: 300_000, idleTimeoutMs: 3_000 },
      onEmpty: "end-call",
      join: "first-person",
      inCall: { captions: true, tools: true },
      data: { customer: 7 },
    });
  });

  test("an old flat key and the nested key of today are the same setting", async () => {
    const nested = said({ session: { audio: { output: { voice: "cedar" } } } });
    expect((await planOf(nested, nova, sources())).session.audio?.output?.voice).toBe("cedar");
    const flat = said({ session: { voice: "cedar" } });
    expect((await planOf(flat, nova, sources())).session.audio?.output?.voice).toBe("cedar");
  });

  test("what cannot be set is left out and told", async () => {
    const { session, warnings } = await planOf(said({ session: { temperature: 0.8 } }), nova, sources());
    expect(session).not.toHaveProperty("temperature");
    expect(warnings).toEqual([expect.stringMatching(/temperature/)]);
  });

  test("a name stands for the agent's own tool first", async () => {
    const plan = await planOf(said({ tools: ["look_up", "leave"] }), nova, sources());
    expect(plan.tools).toEqual([lookUp, "leave"]);
  });

  test("the id is the one that was claimed, whatever the definition says", async () => {
    const plan = await planOf(said({ user: { id: "nova-2" } }), nova, sources({ agentUserId: "nova-2" }));
    expect(plan.user.id).toBe("nova-2");
  });
});

describe("what is a function of the call", () => {
  test("gets the call, its data and the agent's secrets, and may be slow", async () => {
    const agent = defineAgent({
      user: async ({ custom, data }) => ({ id: "ignored", name: `${custom.language} ${data.name}` }),
      session: ({ secrets, cid }) => ({ instructions: `${cid} ${secrets.CRM_KEY}` }),
      secrets: ["CRM_KEY"],
    });
    const secret = (name: string) => (name === "CRM_KEY" ? "k" : undefined);
    const plan = await planOf(said({ data: { name: "Ann" } }), agent, sources({ secret }));
    expect(plan.user).toMatchObject({ id: "nova", name: "German Ann" });
    expect(plan.session.instructions).toBe("default:1 k");
  });

  test("connected gets data that later updates change", async () => {
    const seen: unknown[] = [];
    const agent = defineAgent({
      user: { id: "nova" },
      session: {},
      connected: (_, { data }) => void seen.push(data),
    });
    const plan = await planOf(said({ data: { step: 1 } }), agent, sources());
    await plan.connected?.(undefined as never);
    Object.assign(plan.data, { step: 2 });
    expect(seen).toEqual([{ step: 2 }]);
  });
});

describe("what cannot be used is named", () => {
  test("secrets that are missing", async () => {
    const agent = defineAgent({ user: { id: "nova" }, session: {}, secrets: ["CRM_KEY", "CRM_URL"] });
    await expect(planOf(said(), agent, sources())).rejects.toThrow(/CRM_KEY, CRM_URL/);
    await expect(planOf(said(), agent, sources())).rejects.toBeInstanceOf(InvalidInputError);
  });

  test.each(["waitFor", "idleTimeout", "maxDuration"] as const)("a bad %s", async (name) => {
    const bad = said({ [name]: "soon" as never });
    await expect(planOf(bad, nova, sources())).rejects.toThrow(new RegExp(`${name} must be a duration`));
  });
});

test.each(["session", "user"] as const)("a %s() that never answers keeps nobody waiting for ever", async (part) => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const hangs = () => new Promise<never>(() => undefined);
  const hanging = defineAgent({ user: { id: "nova" }, session: {}, ...{ [part]: hangs } });
  const planning = expect(planOf(said(), hanging, sources())).rejects.toThrow(TimeoutError);
  await vi.advanceTimersByTimeAsync(10_000);
  await planning;
});
