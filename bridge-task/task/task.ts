import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { StreamClient } from "@stream-io/node-sdk";
import { CallsTable, dynamoDbClientConfig } from "../../functions/dispatch/calls-table.ts";
import type { LeaveReason, Pair } from "../../functions/dispatch/protocol.ts";
import { findAgent } from "../agents/index.ts";
import { loadOpus } from "../audio/opus.ts";
import { unlessAborted, withDeadline } from "../deadline.ts";
import type { End } from "../departure.ts";
import type { BridgeEnvironment } from "../environment.ts";
import type { Assignment } from "../job.ts";
import type { Logger } from "../log.ts";
import type { UrlPolicy } from "../outgoing/url-policy.ts";
import { type Reporting, startReporting } from "../record/reporting.ts";
import type { ToolDependencies } from "../tools/context.ts";
import { createToolLambda } from "../tools/function-tool.ts";
import { toolManifest } from "../tools/manifest.ts";
import { resolveTools } from "../tools/resolve.ts";
import { readCallFacts } from "./call-facts.ts";
import { Claim, type Confirmed } from "./claim.ts";
import { Door } from "./door.ts";
import { Mailbox } from "./mailbox.ts";
import { type Plan, planOf } from "./plan.ts";
import { endOf } from "./reasons.ts";
import { stay } from "./stay.ts";
import { readTaskArn } from "./task-arn.ts";

/** Longest wait for each of the last words to those who are told. */
const farewellMs = 6_000;
/** To the pair, and for the record: a table that does not answer now may do so soon, and nobody else knows how the stay ended. */
export const lastWordMs = 30_000;

const orders: Record<LeaveReason | "replaced", string> = {
  removed: "It was sent away.",
  call_ended: "The call ended.",
  replaced: "Another task has this agent now.",
};

const endBy = (reason: LeaveReason | "replaced"): End => ({ reason, detail: orders[reason] });

/** How long the process has been there. */
const sinceStart = () => ({ sinceStartMs: Math.round(performance.now()) });

/** One launch of one agent: makes the claim its own, stays in the call, says why it left. */
export class Task {
  readonly door = new Door();
  readonly #environment: BridgeEnvironment;
  readonly #logger: Logger;
  readonly #streamClient: StreamClient;
  readonly #claim: Claim;
  readonly #mailbox: Mailbox;
  /** It keeps no connections: the process's end is its end. */
  readonly #lambda = createToolLambda();
  #assignment: Assignment | undefined;
  #reporting: Reporting | undefined;

  constructor(environment: BridgeEnvironment, logger: Logger) {
    const { job, streamApiKey, streamApiSecret, streamBaseUrl, callsTable } = environment;
    this.#environment = environment;
    this.#logger = logger;
    const streamOptions = streamBaseUrl === undefined ? {} : { basePath: streamBaseUrl };
    this.#streamClient = new StreamClient(streamApiKey, streamApiSecret, streamOptions);
    const table = new CallsTable({ client: new DynamoDBClient(dynamoDbClientConfig), tableName: callsTable });
    this.#claim = new Claim({ table, job, logger });
    const onOrder = (reason: LeaveReason | "replaced") => this.door.leave(reason, endBy(reason).detail);
    this.#mailbox = new Mailbox({ claim: this.#claim, onOrder, logger });
  }

  /** Resolves with why it ended, once the agent is out of the call and all is said about it. Never rejects. */
  async run(): Promise<End> {
    let end: End;
    try {
      const confirmed = await this.#confirm();
      // Nothing of the pair is ours to change, and nobody saw this task.
      if ("reason" in confirmed && confirmed.reason === "replaced") return endBy("replaced");
      end = "pair" in confirmed ? await this.#stay(confirmed.pair) : await this.#turnedAway(confirmed);
    } catch (error) {
      if (!this.door.end) this.#logger.error("task_failed", { error });
      end = this.door.end ?? endOf(error);
    }
    this.door.leave(end.reason, end.detail);
    await this.#sayFarewell(end);
    return end;
  }

  /** People were told that it comes, and so are told that it does not. */
  async #turnedAway({ reason, configId }: Extract<Confirmed, { configId: unknown }>): Promise<End> {
    const reading = configId === undefined ? undefined : this.#claim.assignment(configId);
    this.#assignment = await reading?.catch((error: unknown) => {
      // It only tells who is told.
      this.#logger.warn("assignment_not_read", { error });
      return undefined;
    });
    return endBy(reason);
  }

  /**
   * At the beginning of the goodbye, which takes its time: what is asked for or sent meanwhile is for the next launch. Best effort,
   * for the last word follows. Never rejects.
   */
  async #announceLeaving(end: End): Promise<void> {
    await this.#mailbox.shut();
    await this.#claim.leaving(end).catch((error: unknown) => this.#logger.warn("leaving_not_announced", { error }));
  }

  async #confirm(): Promise<Confirmed> {
    const { signal } = this.door;
    // It takes the processor while the network is waited for; who needs it is told of its failure.
    loadOpus().catch(() => undefined);
    const taskArn = await unlessAborted(readTaskArn(this.#environment.metadataUrl), signal, "asking ECS for the ARN");
    return this.#claim.confirm(taskArn, signal);
  }

  async #stay({ configId, rings }: Pair): Promise<End> {
    const [streamClient, claim, mailbox, { signal }] = [this.#streamClient, this.#claim, this.#mailbox, this.door];
    const { job, secret } = this.#environment;
    this.#logger.info("claim_confirmed", sinceStart());
    mailbox.start();
    void this.door.leaving.then((end) => this.#announceLeaving(end));
    this.#assignment = await unlessAborted(claim.assignment(configId), signal, "reading the assignment");
    const { agent } = this.#assignment;
    const callFacts = () => readCallFacts(streamClient, job.call);
    const sources = { agentUserId: job.agentUserId, callFacts, secret };
    const planning = planOf(this.#assignment, agent === undefined ? undefined : findAgent(agent), sources);
    const plan = await unlessAborted(planning, signal, "reading the call");
    this.#logger.info("agent_planned", { definition: agent, join: plan.join, ...sinceStart() });
    for (const warning of plan.warnings) this.#logger.warn("session_setting_left_out", { warning });
    return stay({
      environment: this.#environment,
      streamClient,
      plan,
      resolveTools: (entries) => resolveTools({ entries: plan.entriesOf(entries), ...this.#toolDependencies(plan) }),
      waitsOutside: plan.join === "first-person" || rings === true,
      door: this.door,
      claim,
      mailbox,
      reporting: this.#report(plan),
      logger: this.#logger,
    });
  }

  #toolDependencies({ data, user }: Plan): ToolDependencies {
    const { job, toolFunctions, agentsApiKey } = this.#environment;
    return {
      manifest: toolManifest,
      functionNames: toolFunctions,
      context: {
        call: { ...job.call, cid: this.#claim.cid },
        agent: { userId: user.id, ...(user.name === undefined ? {} : { name: user.name }) },
        data: () => data,
      },
      lambda: this.#lambda,
      key: agentsApiKey,
      urlPolicy: this.#urlPolicy,
      control: {
        endCall: async () => this.door.leave("end_call", "The agent ended the call."),
        leave: async () => this.door.leave("left", "The agent left the call."),
      },
    };
  }

  /** Reports this stay; of one that never came to have a plan, what is known of it. */
  #report({ user, inCall, events }: Partial<Pick<Assignment, "user" | "inCall" | "events">>): Reporting {
    const { job, agentsApiKey } = this.#environment;
    this.#reporting ??= startReporting({
      streamClient: this.#streamClient,
      call: job.call,
      agentUser: { id: job.agentUserId, ...user },
      settings: { ...(inCall === undefined ? {} : { inCall }), ...(events === undefined ? {} : { events }) },
      launchId: job.launchId,
      key: agentsApiKey,
      urlPolicy: this.#urlPolicy,
      logger: this.#logger,
    });
    return this.#reporting;
  }

  /** To the pair, to the record, to those who are told: at once, so that none waits for another. Never rejects. */
  async #sayFarewell(end: End): Promise<void> {
    const reporting = this.#report(this.#assignment ?? {});
    const record = reporting.record(end);
    const say = (what: string, work: Promise<unknown>, timeoutMs: number) =>
      withDeadline(work, timeoutMs, what).catch((error: unknown) =>
        this.#logger.warn("farewell_failed", { what, error }),
      );
    await Promise.all([
      say("telling the pair", this.#claim.left(end), lastWordMs),
      say("keeping the record", this.#claim.putRecord(record.startedAt, record), lastWordMs),
      say("reporting", reporting.close(end), farewellMs),
      say("closing the mailbox", this.#mailbox.stop(), farewellMs),
    ]);
  }

  get #urlPolicy(): UrlPolicy {
    return { allowLoopback: this.#environment.allowLoopbackUrls };
  }
}
