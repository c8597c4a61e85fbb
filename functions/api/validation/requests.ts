import * as v from "valibot";
import type { Assignment } from "../../../bridge-task/job.ts";
import type { FieldProblem, JoinRequest, MessageRequest, UpdateRequest } from "../types.ts";
import { type Checked, fieldProblems } from "./problems.ts";
import {
  anyObject,
  callableUrl,
  duration,
  exact,
  flag,
  isObject,
  type Json,
  oneOf,
  optional,
  streamId,
  text,
} from "./schema.ts";
import { changedSession, sessionEntries, startingSession } from "./session.ts";
import { repeatedNames, type ToolOptions, toolsSchema } from "./tools.ts";

/** What is stored with a claim, and an update in a mailbox, may be so long as JSON. */
export const maxStoredBytes = 100_000;

/** Nothing an agent needs is nested deeper; a body that is would overflow somebody's stack. */
const maxDepth = 64;

export interface RequestOptions extends ToolOptions {
  /** The agents that have a definition, each with its user in the Stream app. */
  agents: readonly { name: string; userId: string }[];
}

const userMend = 'must be the Stream user that the agent is: { "id": "lucy", "name": "Lucy" }';
const userEntries = {
  name: optional(text("must be a text")),
  image: optional(text("must be the address of a picture", 2_048)),
  custom: optional(anyObject('must be an object, such as { "team": "support" }')),
};
const userElsewhere = { agent: 'agent beside user: { "agent": …, "user": { … } }' };
const namedUser = exact({ id: streamId("id"), ...userEntries }, userMend, userElsewhere);
const namelessUser = exact({ id: optional(streamId("id")), ...userEntries }, userMend, userElsewhere);

const dataMend = "must be an object; tools get it, the model never sees it";

const joinEntries = (options: RequestOptions) => ({
  model: optional(text('must be the name of a Realtime model, such as "gpt-realtime-2.1"')),
  session: optional(startingSession),
  greeting: optional(text("must be a text that says how to greet", 8_192)),
  tools: optional(toolsSchema(options)),
  join: optional(oneOf(["now", "first-person"])),
  waitFor: optional(duration),
  idleTimeout: optional(duration),
  onEmpty: optional(oneOf(["leave", "end-call"])),
  maxDuration: optional(duration),
  inCall: optional(
    exact({ captions: optional(flag), tools: optional(flag) }, 'must be { "captions": true, "tools": true }'),
  ),
  events: optional(exact({ url: callableUrl(options.allowLoopbackUrls) }, 'must be { "url": "https://…" }')),
  data: optional(anyObject(dataMend)),
});

/** Fields that people put at the top, and where they belong. */
const elsewhere: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.keys(sessionEntries).map((key) => [key, `session.${key}: { "session": { ${JSON.stringify(key)}: … } }`]),
  ),
  ...Object.fromEntries(["id", "name", "image", "custom"].map((key) => [key, `user.${key}`])),
  userId: "user.id",
  agentUserId: "user.id",
  captions: "inCall.captions",
  idleTimeoutMs: 'idleTimeout: "15 seconds"',
  maxDurationMs: 'maxDuration: "4 hours"',
  waitForMs: 'waitFor: "2 minutes"',
};

const bodyMend = "the body must be a JSON object";

/** A name may be that of a tool in an agent's definition, which is not known here: the bridge judges it. */
const ofDefined = (options: RequestOptions): RequestOptions => ({ ...options, functionTools: undefined });

const joinSchemas = (options: RequestOptions) => {
  const names = options.agents.map(({ name }) => name);
  const agent =
    names.length > 0
      ? v.picklist(names, `must be an agent that has a definition (${names.join(", ")}); or leave it out`)
      : v.custom<string>(() => false, "no agent has a definition here: leave it out");
  return {
    // In the order that is worth reading when all of them are listed.
    defined: exact({ agent, user: optional(namelessUser), ...joinEntries(ofDefined(options)) }, bodyMend, elsewhere),
    loose: exact({ user: namedUser, agent: optional(agent), ...joinEntries(options) }, bodyMend, elsewhere),
  };
};

const isDeeperThan = (value: unknown, depth: number): boolean => {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((inner) => isDeeperThan(inner, depth - 1));
};

const whole = (problem: string, mend: string): FieldProblem => ({ field: "", problem, mend });

/** `toValue` makes of a body that is as the schema says what the rest of the API works with. */
const checkWith = <T>(
  schema: v.GenericSchema,
  body: unknown,
  toValue: (body: Json) => T,
  more: FieldProblem[] = [],
): Checked<T> => {
  if (isDeeperThan(body, maxDepth)) {
    return { ok: false, fields: [whole(`is nested deeper than ${maxDepth}`, "flatten it")] };
  }
  const { issues = [] } = v.safeParse(schema, body, { abortPipeEarly: true });
  const fields = [...fieldProblems(issues), ...more];
  if (fields.length > 0) return { ok: false, fields };
  const value = toValue(body as Json);
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= maxStoredBytes) return { ok: true, value };
  const mend = `at most ${maxStoredBytes} are kept: shorten instructions, schemas or data`;
  return { ok: false, fields: [whole(`is ${bytes} bytes long as JSON`, mend)] };
};

const toolsOf = (body: unknown): unknown => (isObject(body) ? body.tools : undefined);

// What the schemas have checked is cast to our types: their own are coarser where the model server judges.
const asAssignment =
  ({ agents }: RequestOptions) =>
  (body: Json): Assignment => {
    const request = body as unknown as JoinRequest;
    // A definition's own user, where the request leaves it out.
    const own = agents.find(({ name }) => name === request.agent)?.userId ?? "";
    return { ...request, user: { ...request.user, id: request.user?.id ?? own } } as Assignment;
  };
const asUpdate = (body: Json): UpdateRequest => body;
const asMessage = (body: Json): MessageRequest => body as unknown as MessageRequest;

/** Checkers of request bodies; each names every field that cannot be used, and its mend. */
export const requestChecks = (options: RequestOptions) => {
  const { defined, loose } = joinSchemas(options);
  const update = exact(
    {
      session: optional(changedSession),
      tools: optional(toolsSchema(ofDefined(options))),
      data: optional(anyObject(dataMend)),
    },
    bodyMend,
    { ...elsewhere, greeting: 'a message: POST …/messages { "text": … }' },
  );
  const message = exact({ text: text("must be a text", 32_768), respond: optional(flag) }, bodyMend);
  return {
    join: (body: unknown): Checked<Assignment> => {
      const isDefined = isObject(body) && "agent" in body;
      return checkWith(isDefined ? defined : loose, body, asAssignment(options), repeatedNames(toolsOf(body)));
    },
    update: (body: unknown): Checked<UpdateRequest> => {
      const isEmpty = isObject(body) && Object.keys(body).length === 0;
      const empty = isEmpty ? [whole("changes nothing", "say session, tools or data")] : [];
      return checkWith(update, body, asUpdate, [...repeatedNames(toolsOf(body)), ...empty]);
    },
    message: (body: unknown): Checked<MessageRequest> => checkWith(message, body, asMessage),
  };
};
