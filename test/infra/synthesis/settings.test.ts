import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { checkSettings, type Settings, settingsOf } from "../../../infra/settings.ts";
import { SynthesisError, type SynthesisOptions, synthesize } from "./synthesize.ts";
import { Template } from "./template.ts";

const root = path.resolve(import.meta.dirname, "../../..");

/** The days that log groups keep their lines, each once. */
const retentionsOf = (template: Template): unknown[] => [
  ...new Set(template.all("aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => inputs.retentionInDays)),
];

const imageOf = (template: Template) => template.one("docker-build:index:Image", "BridgeImageBridge");

const templateOf = async (options: SynthesisOptions): Promise<Template> => new Template(await synthesize(options));

describe("the stage", () => {
  it("production refuses to be removed; its tables can be had back, and outlive it as its image does", async () => {
    const production = await templateOf({ stage: "production" });
    expect(production.evaluation.app).toMatchObject({ removal: "retain", protect: true });
    const tables = production.all("aws:dynamodb/table:Table");
    expect(
      tables.map(({ options, inputs }) => [
        options.retainOnDelete,
        inputs.deletionProtectionEnabled,
        inputs.pointInTimeRecovery,
      ]),
    ).toEqual([
      [true, true, { enabled: true }],
      [true, true, { enabled: true }],
    ]);
    expect(imageOf(production).options.retainOnDelete).toBe(true);
    expect(retentionsOf(production)).toEqual([90]);
  });

  describe("of any other name", () => {
    let stage: Template;

    beforeAll(async () => {
      stage = await templateOf({ stage: "anna" });
    });

    it("goes without a trace", () => {
      const { app, resources } = stage.evaluation;
      expect(app).toMatchObject({ removal: "remove", protect: false });
      expect(resources.filter(({ options }) => options.retainOnDelete || options.protect)).toEqual([]);
      const tables = stage.all("aws:dynamodb/table:Table");
      expect(tables.map(({ inputs }) => inputs.deletionProtectionEnabled ?? false)).toEqual([false, false]);
      // AWS would keep a backup of each for 35 days.
      expect(tables.map(({ inputs }) => inputs.pointInTimeRecovery)).toEqual([{ enabled: false }, { enabled: false }]);
    });

    it("has names of its own for all that is named by hand", () => {
      const groups = stage.all("aws:cloudwatch/logGroup:LogGroup").map(({ inputs }) => String(inputs.name));
      const names = [...Object.keys(stage.parameters), ...groups];
      expect(names.length).toBeGreaterThan(10);
      expect(names.filter((name) => !name.startsWith("/stream-agent-bridge/anna/"))).toEqual([]);
    });

    it("has an image of its own: the removal of another stage deletes another", () => {
      const { labels, tags } = imageOf(stage).inputs;
      expect(labels).toEqual({ stage: "anna" });
      expect(tags).toEqual([expect.stringMatching(/\/sst-asset:Bridge-stream-agent-bridge-anna$/)]);
    });

    it("is deployed with the version of SST that is installed", async () => {
      const { devDependencies } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
      expect(stage.evaluation.app).toMatchObject({ version: devDependencies.sst, home: "aws" });
    });
  });
});

describe("settings", () => {
  let one: Template;
  let other: Template;

  beforeAll(async () => {
    one = await templateOf({
      settings: {
        capacity: "spot",
        calls: "own",
        callTypes: ["default", "support"],
        task: { cpu: "0.5 vCPU", memory: "1 GB" },
        agentsPerCall: 2,
        callsAtOnce: 7,
        logRetention: "1 week",
        logLevel: "debug",
      },
    });
    other = await templateOf({ settings: { streamWebhook: "off", callTypes: [] } });
  });

  it("are told to whoever starts tasks", () => {
    for (const component of ["Webhook", "TaskStopped", "Sweep"]) {
      expect(one.environmentOf(component)).toMatchObject({
        BRIDGE_CAPACITY: "spot",
        CALLS_OF: "own",
        STAGE: "test",
        CALL_TYPES: "default,support",
        MAX_AGENTS_PER_CALL: "2",
        MAX_CALLS: "7",
      });
    }
    expect(other.environmentOf("Webhook").CALL_TYPES).toBe("none");
  });

  it("are the task's: its size, its logs", () => {
    expect(one.taskDefinition).toMatchObject({ cpu: "512", memory: "1024" });
    expect(one.container.environment).toContainEqual({ name: "LOG_LEVEL", value: "debug" });
    expect(retentionsOf(one)).toEqual([7]);
  });

  it("are the operator's to know", () => {
    const deploymentOf = ({ parameters }: Template) =>
      JSON.parse(parameters["/stream-agent-bridge/test/Deployment"] ?? "");
    expect(deploymentOf(one)).toMatchObject({
      capacity: "spot",
      calls: "own",
      callTypes: ["default", "support"],
      taskVcpu: 0.5,
      callsAtOnce: 7,
      streamWebhook: "register",
    });
    expect(deploymentOf(other)).toMatchObject({ streamWebhook: "off", callTypes: [] });
  });

  it("are told to Stream, or nothing is", () => {
    const requestOf = (template: Template) =>
      JSON.parse(String(template.one("aws:lambda/invocation:Invocation", "Registration").inputs.input));
    expect(requestOf(one)).toMatchObject({ stage: "test", calls: "own" });
    expect(requestOf(other)).toMatchObject({ stage: "test", calls: "all", webhookUrl: null });
    expect(other.evaluation.outputs.streamWebhook).toBe("off");
  });

  it("may name Spot where the cluster has it", () => {
    const { inputs } = one.one("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", "ClusterCapacityProviders");
    expect(inputs.capacityProviders).toContain("FARGATE_SPOT");
  });
});

describe("a setting that cannot be used", () => {
  it.each<[string, Record<string, unknown>]>([
    ["capacity", { capacity: "cheap" }],
    ["cpu", { task: { cpu: "3 vCPU", memory: "8 GB" } }],
    ["memory", { task: { cpu: "1 vCPU", memory: "1 GB" } }],
    ["agentsPerCall", { agentsPerCall: 0 }],
    ["callsAtOnce", { callsAtOnce: 1.5 }],
    ["callTypes", { callTypes: ["a,b"] }],
    ["calls", { calls: "mine" }],
    ["streamWebhook", { streamWebhook: true }],
    ["logRetention", { logRetention: "forever" }],
    ["logLevel", { logLevel: "loud" }],
    ["alarmEmail", { alarmEmail: "nobody" }],
    ["callsAtOne", { callsAtOne: 3 }],
  ])("is named: %s", (name, wrong) => {
    const settings = { ...settingsOf("test"), ...wrong } as Settings;
    expect(() => checkSettings(settings)).toThrow(new RegExp(`^infra/settings\\.ts: .*\\b${name}\\b`));
  });

  it("ends the deploy", async () => {
    const deploy = synthesize({ settings: { capacity: "cheap" } });
    await expect(deploy).rejects.toThrow(SynthesisError);
    await expect(deploy).rejects.toThrow(/infra\/settings\.ts: capacity must be "on-demand" or "spot", got "cheap"/);
  });
});

describe("what a person wrote wrong", () => {
  it("ends the deploy with its name: a tool that an agent names and nobody wrote", async () => {
    const agent = "bridge-task/agents/lucy/index.ts";
    const edits = { [agent]: (text: string) => text.replace('"submit_support_ticket", ', '"submit_suport_ticket", ') };
    await expect(synthesize({ edits })).rejects.toThrow(/lucy names the tool "submit_suport_ticket"/);
  });

  it("ends the deploy with its name: a tool that differs from another by capitals alone", async () => {
    const file = path.join(root, "functions/tools/get-current-time.ts");
    const other = (await readFile(file, "utf8")).replace('"get_current_time"', '"GetCurrent_time"');
    const edits = { "functions/tools/other-time.ts": () => other };
    await expect(synthesize({ edits })).rejects.toThrow(
      /^Nothing was changed: the tools "GetCurrent_time" and "get_current_time" are both ToolGetCurrentTime/,
    );
  });

  it("ends the deploy with its name: what a tool may use, under the name that the tool had once", async () => {
    const edits = {
      "infra/tool-access.ts": (text: string) => text.replace("  submit_support_ticket:", "  submit_ticket:"),
    };
    await expect(synthesize({ edits })).rejects.toThrow(
      /infra\/tool-access\.ts names "submit_ticket".*submit_support_ticket.*Rename the key.*table would be deleted/,
    );
  });

  it("ends the deploy with its name: a file among the tools that is none", async () => {
    const edits = { "functions/tools/helper.ts": () => "export const helper = 1;\n" };
    await expect(synthesize({ edits })).rejects.toThrow(/functions\/tools\/helper\.ts: has no export `definition`/);
  });
});
