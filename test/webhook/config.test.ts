import { expect, it } from "vitest";
import { readConfig, readStreamKeys, readWebhookConfig } from "../../functions/config.ts";

const environment = {
  STREAM_API_KEY: "k",
  STREAM_API_SECRET: "s",
  CALLS_TABLE: "Calls",
  AGENTS_API_KEY: "agents-key",
  BRIDGE_CLUSTER: "c",
  BRIDGE_TASK_DEFINITION: "t",
  BRIDGE_CONTAINER: "bridge",
  BRIDGE_SUBNETS: "subnet-a, subnet-b,",
  BRIDGE_SECURITY_GROUPS: "sg-a",
};

it("reads lists with commas, and knows what is usual", () => {
  expect(readConfig(environment)).toMatchObject({
    bridge: { subnets: ["subnet-a", "subnet-b"], capacity: "on-demand" },
    stageFilter: undefined,
    callTypes: ["default"],
    caps: { agentsPerCall: 4, callsAtOnce: 100 },
    streamBaseUrl: undefined,
    functionTools: undefined,
    allowLoopbackUrls: false,
  });
});

it("takes what is set", () => {
  const settings = {
    CALL_TYPES: "default,audio_room",
    MAX_AGENTS_PER_CALL: "1",
    MAX_CALLS: "7",
    TOOL_NAMES: "get_current_time,submit_support_ticket",
    LOOPBACK_URLS: "allowed",
    BRIDGE_CAPACITY: "spot",
    STAGE: "dev",
    CALLS_OF: "own",
  };
  expect(readConfig({ ...environment, ...settings })).toMatchObject({
    callTypes: ["default", "audio_room"],
    caps: { agentsPerCall: 1, callsAtOnce: 7 },
    functionTools: ["get_current_time", "submit_support_ticket"],
    allowLoopbackUrls: true,
    bridge: { capacity: "spot" },
    stageFilter: { stage: "dev", callsOf: "own" },
  });
});

it("takes the calls that name no stage, unless it is told not to", () => {
  expect(readConfig({ ...environment, STAGE: "dev" }).stageFilter).toEqual({ stage: "dev", callsOf: "all" });
  expect(() => readConfig({ ...environment, CALLS_OF: "own" })).toThrow("STAGE must be set where CALLS_OF is own");
});

it("of the webhook alone wants the key of the HTTP API", () => {
  const { AGENTS_API_KEY, ...rest } = environment;
  expect(readConfig(rest)).toEqual(readConfig(environment));
  expect(readConfig(environment)).not.toHaveProperty("agentsApiKey");
  expect(readWebhookConfig(environment)).toEqual({ ...readConfig(rest), agentsApiKey: AGENTS_API_KEY });
  expect(() => readWebhookConfig({ ...rest, CALLS_TABLE: "" })).toThrow(/CALLS_TABLE, AGENTS_API_KEY must be set/);
});

it("of the function that registers wants the keys, and nothing else", () => {
  const { STREAM_API_KEY, STREAM_API_SECRET } = environment;
  const keys = { apiKey: "k", apiSecret: "s", baseUrl: undefined };
  expect(readStreamKeys({ STREAM_API_KEY, STREAM_API_SECRET })).toEqual(keys);
  expect(() => readStreamKeys({ STREAM_API_KEY })).toThrow("STREAM_API_SECRET must be set");
  expect(() => readStreamKeys({ ...environment, STREAM_BASE_URL: "video" })).toThrow("STREAM_BASE_URL must be");
});

it("asks no agent by itself where no call type is to be asked about", () => {
  expect(readConfig({ ...environment, CALL_TYPES: "none" }).callTypes).toEqual([]);
});

it("names each variable that is missing or empty, and no value", () => {
  const { BRIDGE_CLUSTER: _, ...rest } = { ...environment, BRIDGE_SUBNETS: " , ", STREAM_API_KEY: "" };
  expect(() => readConfig(rest)).toThrow(/STREAM_API_KEY, BRIDGE_CLUSTER, BRIDGE_SUBNETS must be set/);
});

it.each([
  ["CALL_TYPES", ","],
  ["MAX_CALLS", "none"],
  ["MAX_CALLS", "0"],
  ["MAX_AGENTS_PER_CALL", "2.5"],
  ["STREAM_BASE_URL", "video.example.com"],
  ["BRIDGE_CAPACITY", "cheap"],
  ["CALLS_OF", "mine"],
])("says what %s must be when it is %j", (name, value) => {
  expect(() => readConfig({ ...environment, [name]: value })).toThrow(new RegExp(`${name} must be`));
});
