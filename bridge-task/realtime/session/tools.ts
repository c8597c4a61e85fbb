import { keepKnown, type SettingsDraft } from "./draft.ts";
import { toolKeys } from "./keys.ts";
import { isTree, type Tree } from "./tree.ts";

/** A tool as this protocol writes it: other OpenAI protocols nest a function's fields, the beta could leave its type out. */
const flatTool = (tool: Tree): Tree => {
  const { function: nested, ...rest } = tool;
  const flat = isTree(nested) && tool.name === undefined ? { ...rest, ...nested } : tool;
  return { type: "server_label" in flat ? "mcp" : "function", ...flat };
};

/** What the server would refuse a tool for; undefined where that cannot be known. */
const faultOf = (tool: Tree, takenNames: ReadonlySet<unknown>): string | undefined => {
  if (tool.type !== "function") return undefined;
  if (typeof tool.name !== "string" || tool.name === "") return "a tool needs a name.";
  return takenNames.has(tool.name) ? `there is a tool ${tool.name} already.` : undefined;
};

/** Leaves out the tools for which the server would refuse all of them, and of the others what it does not know. */
export const checkTools = (draft: SettingsDraft): void => {
  const asked = draft.get("tools");
  if (!Array.isArray(asked)) return;
  const names = new Set<unknown>();
  const kept: unknown[] = [];
  for (const [index, entry] of asked.entries()) {
    const tool = isTree(entry) ? flatTool(entry) : undefined;
    const fault = tool === undefined ? "a tool must be an object." : faultOf(tool, names);
    if (tool === undefined || fault !== undefined) {
      draft.warn(`tools[${index}]`, `tools[${index}] was left out: ${fault}`);
      continue;
    }
    names.add(tool.name);
    const known = tool.type === "function" || tool.type === "mcp" ? toolKeys[tool.type] : undefined;
    kept.push(known === undefined ? tool : keepKnown(tool, known, `tools[${index}].`, draft.unknown));
  }
  if (kept.length > 0 || asked.length === 0) draft.set("tools", kept);
  // An empty list would take away the tools that are in force.
  else draft.leaveOut("tools", "none of them can be used.");
};
