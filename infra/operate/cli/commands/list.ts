import type { AgentView, CallAddress } from "../../../../functions/api/client.ts";
import { viewOf } from "../../../../functions/api/view.ts";
import { ask } from "../aws.ts";
import { cidOf } from "../call-id.ts";
import type { Operator } from "../operator.ts";
import { printJson, spanOf, tableOf } from "../terminal.ts";

type Listed = { call: string } & AgentView;

/** All that are in calls now, from the table's index of live pairs. */
const live = async ({ table, terminal }: Operator): Promise<Listed[]> => {
  const onUnread = (cid: string, userId: string) => terminal.err(`${userId} in ${cid} could not be read: try again\n`);
  const found = await ask("reading the calls table", (await table()).live(onUnread));
  return found.map(({ cid, userId, pair }) => ({ call: cid, ...viewOf(userId, pair) }));
};

/** With those of the last week. */
const ofCall = async ({ agents }: Operator, call: CallAddress): Promise<Listed[]> =>
  (await (await agents()).list(call)).map((view) => ({ call: cidOf(call), ...view }));

const stateOf = ({ state, isLeaving, reason }: AgentView): string =>
  state === "ended" ? `ended (${reason ?? "?"})` : isLeaving ? `${state}, leaving` : state;

export const listAgents = async (operator: Operator, call: CallAddress | undefined): Promise<void> => {
  const { terminal, isJson, now } = operator;
  const found = call === undefined ? await live(operator) : await ofCall(operator, call);
  const rows = found.toSorted((one, other) => one.since.localeCompare(other.since));
  if (isJson) return printJson(terminal, rows);
  if (rows.length === 0) {
    const where = call === undefined ? "in any call" : `in ${cidOf(call)}, nor was within the last week`;
    return terminal.err(`no agent is ${where}\n`);
  }
  terminal.out(
    tableOf(
      ["CALL", "AGENT", "STATE", "SINCE (UTC)", "FOR"],
      rows.map((row) => [
        row.call,
        row.userId,
        stateOf(row),
        row.since.slice(0, 19).replace("T", " "),
        spanOf(now() - Date.parse(row.since)),
      ]),
    ),
  );
};
