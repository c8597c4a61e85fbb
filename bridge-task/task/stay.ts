import type { StreamClient } from "@stream-io/node-sdk";
import type { EmptyReason } from "../attendant.ts";
import { Bridge } from "../bridge.ts";
import { withDeadline } from "../deadline.ts";
import type { End } from "../departure.ts";
import type { BridgeEnvironment } from "../environment.ts";
import { InvalidInputError, messageOf, TimeoutError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Reporting } from "../record/reporting.ts";
import { waitForPerson } from "../stream/outside.ts";
import type { ResolvedTools, ToolEntry } from "../tools/resolve.ts";
import { readSessionId } from "./call-facts.ts";
import type { Claim } from "./claim.ts";
import type { Door } from "./door.ts";
import { letterReader } from "./letters.ts";
import type { Mailbox } from "./mailbox.ts";
import { waitOutside } from "./outside.ts";
import type { Plan } from "./plan.ts";

export interface StayOptions {
  environment: BridgeEnvironment;
  streamClient: StreamClient;
  plan: Plan;
  /** Throws InvalidInputError. */
  resolveTools: (entries: readonly ToolEntry[]) => ResolvedTools;
  /** Enters only when a person is in the call, or has accepted its ring. */
  waitsOutside: boolean;
  door: Door;
  claim: Claim;
  mailbox: Mailbox;
  reporting: Reporting;
  logger: Logger;
}

/** The longest start; each step of it has a shorter deadline of its own. */
const connectTimeoutMs = 60_000;
/** How long the agent's own `connected` is waited for before it may speak. */
const connectedTimeoutMs = 10_000;

/**
 * From the claim that is ours to the end of the stay: waits outside where it is to, joins, talks, reads the mailbox. Resolves when
 * the agent is out of the call. Rejects, with nothing left open, where it never got in.
 */
export const stay = async (options: StayOptions): Promise<End> => {
  const { environment, streamClient, plan, door, claim, mailbox, logger } = options;
  const { call } = environment.job;
  const mayLeave = async (reason: EmptyReason): Promise<boolean> => {
    const isAllowed = await claim.mayLeave(reason);
    // What the pair says from here on is about the next stay.
    if (isAllowed) void mailbox.stop();
    return isAllowed;
  };
  // Before anything is opened: what cannot be resolved can never work.
  const tools = options.resolveTools(plan.tools);
  let { limits } = plan;
  if (options.waitsOutside) {
    // Who accepts a ring is not in the call yet: for "first-person" that is too early.
    const countsAcceptance = plan.join !== "first-person";
    const outside = { streamClient, call, user: agentUserOf(plan), logger, countsAcceptance };
    const outcome = await waitOutside({
      waitForPerson: (signal) => waitForPerson({ ...outside, signal }),
      mayLeave,
      onKnock: (listener) => mailbox.onKnock(listener),
      limits,
      signal: door.signal,
      logger,
    });
    if ("end" in outcome) return outcome.end;
    // Who was there may be gone when the agent comes.
    if (outcome.enter === "person") limits = { ...limits, waitForMs: limits.idleTimeoutMs };
  }

  const bridge = await Bridge.connect({
    streamClient,
    call,
    agentUser: plan.user,
    openAi: { apiKey: environment.openAiApiKey, baseUrl: environment.openAiBaseUrl, model: plan.model },
    session: { ...plan.session, tools: [...(plan.session.tools ?? []), ...tools.declared] },
    tools: tools.tools,
    greeting: plan.greeting,
    limits,
    onEmpty: plan.onEmpty,
    mayLeave,
    logger,
    signal: AbortSignal.any([door.signal, AbortSignal.timeout(connectTimeoutMs)]),
  });
  door.attach(bridge);
  mailbox.onKnock(() => bridge.knock());
  await begin(bridge, tools, options);
  return bridge.ended;
};

const agentUserOf = ({ user }: Plan) => ({ ...user, custom: { ...user.custom, agent: true } });

/** The agent is in the call: it is told of, gets its own settings, and then hears and speaks. */
const begin = async (bridge: Bridge, tools: ResolvedTools, options: StayOptions): Promise<void> => {
  const { plan, claim, mailbox, reporting, streamClient, environment } = options;
  const { client, participant } = bridge;
  reporting.joined({ client: bridge.sessionEvents, participant });
  void readSessionId(streamClient, environment.job.call).then((sessionId) => {
    claim.sessionId ??= sessionId;
  });
  try {
    await Promise.race([connected(bridge, options), bridge.leaving]);
    await bridge.settle();
  } catch (error) {
    await bridge.end(error instanceof InvalidInputError ? "bad_job" : "internal", messageOf(error));
    return;
  }
  // Not before: what was kept of the call's events is for the application, which has had it now.
  participant.on("callEvent", (event) => {
    if (event.type === "call.session_started") claim.sessionId = event.session_id;
  });
  const { data, session } = plan;
  mailbox.open(letterReader({ client, data, tools, declared: session.tools, resolve: options.resolveTools }));
};

const connected = async ({ client }: Bridge, { plan, logger }: StayOptions): Promise<void> => {
  if (plan.connected === undefined) return;
  try {
    await withDeadline(plan.connected(client), connectedTimeoutMs, "The agent's connected()");
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    // What it does later still counts; people are not kept waiting for it.
    logger.warn("connected_is_slow", { error });
  }
};
