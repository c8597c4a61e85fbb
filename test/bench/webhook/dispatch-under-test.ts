import { randomUUID } from "node:crypto";
import { BatchWriteItemCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { StreamClient } from "@stream-io/node-sdk";
import { callsTableSchema } from "../../../functions/dispatch/calls-table.ts";
import { type AwsCloud, startAwsCloud } from "../../cloud/aws/index.ts";
import { type CloudEvent, EventLog } from "../../cloud/event-log.ts";
import { type StreamCloud, startStreamCloud } from "../../cloud/stream/index.ts";
import { ServiceClock } from "./service-clock.ts";

const keys = { streamApiKey: "bench-key", streamApiSecret: "bench-secret-of-32-characters-00" };
const agentsKey = "bench-agents-key";
const tableName = "calls";
const waitMs = 15_000;
/** Longer than any benchmark: a task counts as started, and no process takes the processor away. */
const launchDelayMs = 3_600_000;

/** One invocation of the function, all in milliseconds. */
export interface Invoked {
  /** From the event handed to the runtime to its answer. */
  wholeMs: number;
  /** Of that, while neither AWS nor Stream was at work on a request of the function's. */
  ownMs: number;
  /** From process start to ready, if the process was started for it. */
  initMs: number | undefined;
}

/** The webhook's bundle as a function, with Stream, ECS and DynamoDB beside it, and no process in place of a task. */
export class DispatchUnderTest {
  readonly #log: EventLog;
  readonly #clock: ServiceClock;
  readonly #stream: StreamCloud;
  readonly #aws: AwsCloud;
  readonly #streamClient: StreamClient;
  #seq = 0;

  static async start(bundleFile: string): Promise<DispatchUnderTest> {
    const log = new EventLog();
    const clock = new ServiceClock();
    const stream = await startStreamCloud({ log, apiKey: keys.streamApiKey, apiSecret: keys.streamApiSecret });
    const services: { aws?: AwsCloud } = {};
    const aws = await startAwsCloud({
      log,
      launchDelayMs,
      tables: [{ ...callsTableSchema, TableName: tableName }],
      taskDefinitions: { bridge: { container: "bridge", command: ["true"], env: {}, stopTimeoutSeconds: 1 } },
      functions: {
        webhook: {
          bundleFile,
          timeoutMs: 10_000,
          env: {
            STREAM_API_KEY: keys.streamApiKey,
            STREAM_API_SECRET: keys.streamApiSecret,
            STREAM_BASE_URL: await clock.open(() => stream.serverBaseUrl),
            AWS_ENDPOINT_URL_ECS: await clock.open(() => services.aws?.endpointUrl ?? ""),
            AWS_ENDPOINT_URL_DYNAMODB: await clock.open(() => services.aws?.dynamoDbUrl ?? ""),
            CALLS_TABLE: tableName,
            AGENTS_API_KEY: agentsKey,
            BRIDGE_CLUSTER: "local",
            BRIDGE_TASK_DEFINITION: "bridge",
            BRIDGE_CONTAINER: "bridge",
            BRIDGE_SUBNETS: "subnet-local",
            BRIDGE_SECURITY_GROUPS: "sg-local",
          },
        },
      },
    });
    services.aws = aws;
    return new DispatchUnderTest({ log, clock, stream, aws });
  }

  private constructor(parts: { log: EventLog; clock: ServiceClock; stream: StreamCloud; aws: AwsCloud }) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#stream = parts.stream;
    this.#aws = parts.aws;
    const { streamApiKey, streamApiSecret } = keys;
    this.#streamClient = new StreamClient(streamApiKey, streamApiSecret, { basePath: parts.stream.serverBaseUrl });
    const url = new URL("webhooks/stream", parts.aws.functionUrl("webhook")).href;
    parts.stream.setWebhook({ url, eventTypes: ["call.created", "call.updated"] });
  }

  /** Creates a call, whose event launches an agent. */
  async create(id = `bench-${randomUUID()}`): Promise<{ id: string; invoked: Invoked }> {
    const call = this.#streamClient.video.call("default", id);
    const invoked = await this.#invokedBy(async () => {
      await call.getOrCreate({ data: { created_by: { id: "alice" }, custom: { topic: "a benchmark" } } });
      return this.#delivered(202);
    });
    return { id, invoked };
  }

  /** Changes a call, whose event is nobody's business. */
  update(id: string): Promise<Invoked> {
    const call = this.#streamClient.video.call("default", id);
    return this.#invokedBy(async () => {
      await call.update({ custom: { topic: "another" } });
      return this.#delivered(200);
    });
  }

  /** Asks for an agent by the HTTP API, which is to answer `status`. */
  post(id: string, status: 200 | 202): Promise<Invoked> {
    return this.#invokedBy(async () => {
      const response = await fetch(new URL(`calls/default/${id}/agents`, this.#aws.functionUrl("webhook")), {
        method: "POST",
        headers: { authorization: `Bearer ${agentsKey}`, "content-type": "application/json" },
        body: JSON.stringify({
          user: { id: "nova", name: "Nova" },
          session: { instructions: "You are Nova, a friendly support agent. ".repeat(25), voice: "marin" },
          greeting: "Greet the caller in one sentence.",
          data: { customer: "c-1042" },
        }),
      });
      const answer = await response.text();
      if (response.status !== status)
        throw new Error(`POST was to be answered ${status}: ${response.status} ${answer}`);
    });
  }

  /** Every invocation finds an empty table: what other calls there are is not what is measured. */
  async forgetCalls(): Promise<void> {
    const { Items = [] } = await this.#aws.dynamoDb.send(new ScanCommand({ TableName: tableName }));
    const deletions = Items.flatMap(({ pk, sk }) => (pk && sk ? [{ DeleteRequest: { Key: { pk, sk } } }] : []));
    // BatchWriteItem takes 25.
    for (let at = 0; at < deletions.length; at += 25) {
      const RequestItems = { [tableName]: deletions.slice(at, at + 25) };
      await this.#aws.dynamoDb.send(new BatchWriteItemCommand({ RequestItems }));
    }
  }

  async close(): Promise<void> {
    await this.#stream.close();
    await this.#aws.close(0);
    await this.#clock.close();
  }

  /** Resolves when Stream's event was answered as it was to be. */
  async #delivered(status: 200 | 202): Promise<void> {
    const isNext = ({ seq, type }: CloudEvent) => seq > this.#seq && /^webhook\.(?:delivered|failed)$/.test(type);
    const { data } = await this.#log.waitFor(isNext, waitMs, "the delivery of the event");
    if (data.outcome !== status) throw new Error(`${data.type} was to be answered ${status}: ${this.#lastOutput()}`);
  }

  /** `cause` resolves once it was answered. */
  async #invokedBy(cause: () => Promise<void>): Promise<Invoked> {
    await cause();
    const isNext = ({ seq, type }: CloudEvent) => seq > this.#seq && type === "lambda.invoked";
    const { atMs, data } = await this.#log.waitFor(isNext, waitMs, "the invocation");
    this.#seq = this.#log.since(this.#seq).at(-1)?.seq ?? this.#seq;
    const wholeMs = Number(data.durationMs);
    const ownMs = wholeMs - this.#clock.spentMs({ fromMs: atMs - wholeMs, toMs: atMs });
    return { wholeMs, ownMs, initMs: data.initMs === undefined ? undefined : Number(data.initMs) };
  }

  #lastOutput(): string {
    const lines = this.#log.since(this.#seq).filter(({ type }) => /^(?:lambda|webhook)\./.test(type));
    return JSON.stringify(lines.map(({ type, data }) => ({ type, ...data })));
  }
}
