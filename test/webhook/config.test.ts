import { expect, it } from "vitest";
import { readConfig } from "../../functions/config.ts";

const environment = {
  STREAM_API_KEY: "k",
  STREAM_API_SECRET: "s",
  BRIDGE_CLUSTER: "c",
  BRIDGE_TASK_DEFINITION: "t",
  BRIDGE_CONTAINER: "bridge",
  BRIDGE_SUBNETS: "subnet-a, subnet-b,",
  BRIDGE_SECURITY_GROUPS: "sg-a",
};

it("reads lists with commas", () => {
  expect(readConfig(environment).bridge.subnets).toEqual(["subnet-a", "subnet-b"]);
});

it("names each variable that is missing or empty, and no value", () => {
  const { BRIDGE_CLUSTER: _, ...rest } = { ...environment, BRIDGE_SUBNETS: " , ", STREAM_API_KEY: "" };
  expect(() => readConfig(rest)).toThrow(/STREAM_API_KEY, BRIDGE_CLUSTER, BRIDGE_SUBNETS in its environment/);
});
