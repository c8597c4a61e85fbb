import { beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "../../../bridge-task/environment.ts";
import { type Job, jobVariable, serializeJob } from "../../../bridge-task/job.ts";
import { readConfig, readStreamKeys, readWebhookConfig } from "../../../functions/config.ts";
import { runTaskInput } from "../../../functions/dispatch/run-task.ts";
import { generatedPassword } from "./stand-ins.ts";
import { secrets, synthesize } from "./synthesize.ts";
import { Template } from "./template.ts";

let template: Template;

beforeAll(async () => {
  template = new Template(await synthesize());
});

/** What the process of a function has in its environment once it has read its parameters. */
const processOf = (component: string): Record<string, string> => {
  const environment = template.environmentOf(component);
  const named: Record<string, string> = JSON.parse(environment.SSM_PARAMETERS ?? "{}");
  const read = Object.entries(named).map(([variable, parameter]) => [variable, template.parameters[parameter]]);
  return { ...environment, ...Object.fromEntries(read) };
};

describe("the code finds in its environment what it needs", () => {
  it.each([
    { component: "Webhook", read: readWebhookConfig, more: { agentsApiKey: generatedPassword } },
    { component: "TaskStopped", read: readConfig, more: {} },
    { component: "Sweep", read: readConfig, more: {} },
  ])("$component", ({ component, read, more }) => {
    expect(read(processOf(component))).toEqual({
      streamApiKey: secrets.StreamApiKey,
      streamApiSecret: secrets.StreamApiSecret,
      streamBaseUrl: undefined,
      callsTable: template.physicalName("aws:dynamodb/table:Table", "CallsTable"),
      ...more,
      bridge: {
        cluster: template.arn("aws:ecs/cluster:Cluster", "ClusterCluster"),
        taskDefinition: template.arn("aws:ecs/taskDefinition:TaskDefinition", "BridgeTask"),
        container: template.container.name,
        subnets: ["NetworkPublicSubnet1-id", "NetworkPublicSubnet2-id"],
        securityGroups: ["NetworkSecurityGroup-id"],
        capacity: "on-demand",
      },
      callTypes: ["default"],
      stageFilter: { stage: "test", callsOf: "all" },
      caps: { agentsPerCall: 4, callsAtOnce: 100 },
      functionTools: ["get_current_time", "submit_support_ticket"],
      allowLoopbackUrls: false,
    });
  });

  it("and no secret that it has no use for", () => {
    const secretsOf = (component: string) =>
      Object.keys(JSON.parse(template.environmentOf(component).SSM_PARAMETERS ?? "{}"));
    const stream = ["STREAM_API_KEY", "STREAM_API_SECRET"];
    expect(secretsOf("Webhook")).toEqual([...stream, "AGENTS_API_KEY"]);
    expect(["TaskStopped", "Sweep", "Register"].map(secretsOf)).toEqual([stream, stream, stream]);
    expect(["ToolGetCurrentTime", "ToolSubmitSupportTicket"].map(secretsOf)).toEqual([[], []]);
  });

  it("whoever registers with Stream", () => {
    expect(readStreamKeys(processOf("Register"))).toEqual({
      apiKey: secrets.StreamApiKey,
      apiSecret: secrets.StreamApiSecret,
      baseUrl: undefined,
    });
  });

  it("the tool that files tickets", () => {
    expect(template.environmentOf("ToolSubmitSupportTicket").TICKETS_TABLE).toBe(
      template.physicalName("aws:dynamodb/table:Table", "TicketsTable"),
    );
  });

  it("the bridge, started by a function as the function is set up", () => {
    const job: Job = { version: 2, call: { type: "default", id: "c" }, agentUserId: "lucy", launchId: "l".repeat(36) };
    const { containerOverrides } = runTaskInput(job, readConfig(processOf("Webhook")).bridge).overrides ?? {};
    const { container } = template;
    const [override] = containerOverrides ?? [];
    expect(override?.name).toBe(container.name);
    const names = template.all("aws:ssm/parameter:Parameter").map(({ name }) => name);
    const valueAt = (arn: string): string => {
      const found = names.find((name) => template.parameterArn(name) === arn);
      return found === undefined ? "" : String(template.one("aws:ssm/parameter:Parameter", found).inputs.value);
    };
    const environment = Object.fromEntries([
      ...container.environment.map(({ name, value }) => [name, value]),
      ...container.secrets.map(({ name, valueFrom }) => [name, valueAt(valueFrom)]),
      ...(override?.environment ?? []).map(({ name, value }) => [name, value]),
      ["ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x"],
    ]);
    expect(environment[jobVariable]).toBe(serializeJob(job));
    expect(readEnvironment(environment)).toMatchObject({
      job,
      streamApiKey: secrets.StreamApiKey,
      streamApiSecret: secrets.StreamApiSecret,
      openAiApiKey: secrets.OpenAiApiKey,
      agentsApiKey: generatedPassword,
      callsTable: template.physicalName("aws:dynamodb/table:Table", "CallsTable"),
      toolFunctions: {
        get_current_time: template.functionArn("ToolGetCurrentTime"),
        submit_support_ticket: template.functionArn("ToolSubmitSupportTicket"),
      },
      allowLoopbackUrls: false,
      logLevel: "info",
    });
  });
});
