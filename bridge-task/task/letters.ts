import type { Mail } from "../../functions/dispatch/protocol.ts";
import type { AgentClient } from "../agent-client.ts";
import { InvalidInputError } from "../errors.ts";
import type { SessionUpdate } from "../realtime/session/keys.ts";
import type { AppliedSettings } from "../realtime/session/outcome.ts";
import type { ResolvedTools, ToolEntry } from "../tools/resolve.ts";
import type { LetterReader } from "./mailbox.ts";

export interface LetterOptions {
  client: Pick<AgentClient, "applySettings" | "sendUserMessageContent">;
  /** Changed in place. */
  data: Record<string, unknown>;
  /** Those that the session has, and those that the session's own settings declare. */
  tools: ResolvedTools;
  declared: SessionUpdate["tools"];
  /** Throws InvalidInputError. */
  resolve: (entries: readonly ToolEntry[]) => ResolvedTools;
}

type Update = Extract<Mail, { kind: "update" }>;

/** Reads what the application sends to the talking agent: words for the model, and changes of its settings. */
export const letterReader = ({ client, data, resolve, ...first }: LetterOptions): LetterReader => {
  let { tools, declared } = first;

  const apply = async ({ session, tools: entries }: Update): Promise<AppliedSettings> => {
    const fields = [...Object.keys(session ?? {}).map((key) => `session.${key}`), ...(entries ? ["tools"] : [])];
    if (fields.length === 0) return { applied: [], notApplied: [] };
    try {
      const next = entries === undefined ? tools : resolve(entries);
      const nextDeclared = session?.tools ?? declared;
      const isDeclaring = entries !== undefined || session?.tools !== undefined;
      const update = isDeclaring ? { ...session, tools: [...(nextDeclared ?? []), ...next.declared] } : (session ?? {});
      const changes = { remove: tools.tools.map(({ definition }) => definition.name), add: next.tools };
      const outcome = await client.applySettings(update, entries === undefined ? {} : changes);
      const isRefused = outcome.notApplied.some(({ field }) => field === "tools");
      if (!isRefused) [tools, declared] = [next, nextDeclared];
      return asAsked(outcome, fields);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      return { applied: [], notApplied: fields.map((field) => ({ field, reason: error.message })) };
    }
  };

  return async (mail) => {
    if (mail.kind === "message") {
      client.sendUserMessageContent([{ type: "input_text", text: mail.text }], { respond: mail.respond });
      return undefined;
    }
    const outcome = await apply(mail);
    if (mail.data === undefined) return outcome;
    Object.assign(data, mail.data);
    return { ...outcome, applied: [...outcome.applied, "data"] };
  };
};

/** By the fields of the request: `tools` is one of its own, the rest are the session's. */
const asAsked = ({ applied, notApplied }: AppliedSettings, fields: readonly string[]): AppliedSettings => {
  const isOfTools = (field: string) => fields.includes("tools") && /^tools\b/.test(field);
  const nameOf = (field: string) => (isOfTools(field) ? field : `session.${field}`);
  const refused = notApplied.map(({ field, reason }) => ({ field: nameOf(field), reason }));
  const names = new Set(applied.map(nameOf));
  if (fields.includes("tools")) names.add("tools");
  // One of the tools was refused: the others are in force, and the list is not as it was asked for.
  if (refused.some(({ field }) => isOfTools(field))) names.delete("tools");
  return { applied: [...names], notApplied: refused };
};
