import type { CallRecord } from "../../../../bridge-task/record/call-record.ts";
import { AgentsApiError, type CallAddress } from "../../../../functions/api/client.ts";
import { agentOf, notThere } from "../agents-of-call.ts";
import { cidOf } from "../call-id.ts";
import { CommandError, exitCodes } from "../failure.ts";
import type { Operator } from "../operator.ts";
import { printJson, spanOf, tableOf } from "../terminal.ts";

/** Sends an agent away. */
export const leaveCall = async (operator: Operator, call: CallAddress, user: string | undefined): Promise<void> => {
  const { terminal, isJson } = operator;
  const agents = await operator.agents();
  const userId = await agentOf(agents, call, user, "live");
  const outcome = await agents.leave(call, userId);
  if (outcome === "not_there") throw notThere(userId, call);
  if (isJson) return printJson(terminal, { call: cidOf(call), userId, outcome });
  terminal.out(`${userId} finishes its sentence and leaves ${cidOf(call)}\n`);
};

/** Tells an agent something. */
export const sayInCall = async (
  operator: Operator,
  call: CallAddress,
  text: string,
  { user, respond }: { user?: string; respond: boolean },
): Promise<void> => {
  const { terminal, isJson } = operator;
  const agents = await operator.agents();
  const userId = await agentOf(agents, call, user, "live");
  await agents.say(call, userId, text, { respond }).catch((error: unknown) => {
    throw error instanceof AgentsApiError && error.code === "not_there" ? notThere(userId, call) : error;
  });
  if (isJson) return printJson(terminal, { call: cidOf(call), userId, outcome: "told", respond });
  terminal.out(`${userId} was told${respond ? ", and answers" : ""}\n`);
};

/** A record for people. */
const recordText = (record: CallRecord): string => {
  const { call, agent, joinedAt, startedAt, endedAt, durationSeconds, reason, detail, advice, turns, tokens } = record;
  const rows: [string, string | undefined][] = [
    ["call", call.cid],
    ["agent", agent.name === undefined ? agent.userId : `${agent.userId} (${agent.name})`],
    ["process began", startedAt],
    ["joined", joinedAt ?? "never"],
    ["ended", endedAt],
    ["in the call", spanOf(durationSeconds * 1_000)],
    ["left because", detail === undefined ? reason : `${reason}: ${detail}`],
    ["what to do", advice],
    ["turns", `${turns.person} of people, ${turns.agent} of the agent, ${record.interruptions} interruptions`],
    ["people", record.people.map(({ userId }) => userId).join(", ") || "nobody"],
    ["tokens in", `${tokens.inputText} text, ${tokens.inputAudio} audio`],
    ["tokens out", `${tokens.outputText} text, ${tokens.outputAudio} audio`],
  ];
  const told = rows.flatMap(([name, value]) => (value === undefined ? [] : `${name.padEnd(15)}${value}\n`)).join("");
  if (record.tools.length === 0) return told;
  const tools = record.tools.map(({ name, status, tookMs }) => [name, status, `${tookMs} ms`]);
  return `${told}\n${tableOf(["TOOL", "STATUS", "TOOK"], tools)}`;
};

/** The record of an agent's latest stay. */
export const showRecord = async (operator: Operator, call: CallAddress, user: string | undefined): Promise<void> => {
  const { terminal, isJson } = operator;
  const agents = await operator.agents();
  const userId = await agentOf(agents, call, user, "any");
  const record = await agents.record(call, userId);
  if (record === undefined) {
    throw new CommandError(
      exitCodes.notFound,
      `${userId} has no record of ${cidOf(call)} yet: it is written when the agent has left. See npm run agents -- list ${cidOf(call)}`,
    );
  }
  if (isJson) return printJson(terminal, record);
  terminal.out(recordText(record));
};
