import * as v from "valibot";
import type { FieldProblem } from "../types.ts";
import { nearest } from "./nearest.ts";
import { shown } from "./problems.ts";
import {
  anyObject,
  atLeast,
  callableUrl,
  duration,
  exact,
  isObject,
  listOf,
  optional,
  problemLimit,
  text,
} from "./schema.ts";

/** Tools that every agent may be given; they are no functions of the application's. */
const builtIn: readonly string[] = ["end_call", "leave"];

const namePattern = /^[A-Za-z0-9_-]{1,64}$/;
const nameMend = "must be a name of 1 to 64 letters, digits, _ or -";
const kindsMend =
  'must be the name of a function tool, "end_call", "leave", { "name": …, "description": …, "parameters": …, "url": … } or { "type": "mcp", … }';

/** Most tools that one request may bring. */
export const maxTools = 128;

export interface ToolOptions {
  /** http on loopback is taken too: for the local cloud. */
  allowLoopbackUrls: boolean;
  /** Names of the function tools that were deployed; undefined: not known here, the bridge judges. */
  functionTools: readonly string[] | undefined;
}

/** A slip of the pen, perhaps. Never one of the built-in ones: they end calls. */
const meant = (written: string, known: readonly string[]): string => {
  const name = nearest(written, known);
  return name === undefined ? "" : `"${name}" comes nearest; `;
};

const toolName = ({ functionTools }: ToolOptions) => {
  const known = functionTools && [...functionTools, ...builtIn];
  return v.pipe(
    v.string(kindsMend),
    v.regex(namePattern, nameMend),
    v.check(
      (name) => known === undefined || known.includes(name),
      ({ input }) => `there is no such tool; ${meant(input, functionTools ?? [])}there are ${known?.join(", ")}`,
    ),
  );
};

const urlTool = ({ allowLoopbackUrls }: ToolOptions) =>
  exact(
    {
      name: v.pipe(
        v.string(nameMend),
        v.regex(namePattern, nameMend),
        v.check((name) => !builtIn.includes(name), "is the name of a built-in tool: choose another"),
      ),
      description: optional(text("must be a text that tells the model when to use the tool", 4_096)),
      parameters: optional(
        v.pipe(
          anyObject('must be a JSON Schema of an object: { "type": "object", "properties": { … } }'),
          v.check(({ type }) => type === undefined || type === "object", 'its "type" must be "object"'),
        ),
      ),
      url: callableUrl(allowLoopbackUrls),
      timeout: optional(duration),
      speaking: optional(text('must be a sentence such as "One moment, I am looking it up."', 1_024)),
    },
    kindsMend,
    { type: 'nothing: only MCP servers have a type, and it is "mcp"', timeoutMs: 'timeout: "30 seconds"' },
  );

const mcpTool = ({ allowLoopbackUrls }: ToolOptions) =>
  v.pipe(
    atLeast(
      {
        type: v.literal("mcp"),
        server_label: text("must be a name for the server, which the model is shown"),
        server_url: optional(callableUrl(allowLoopbackUrls)),
      },
      kindsMend,
    ),
    v.check(
      (tool) => "server_url" in tool || "connector_id" in tool || "tunnel_id" in tool,
      'must say where the server is: "server_url" or "connector_id"',
    ),
  );

export const toolsSchema = (options: ToolOptions) => {
  const [name, url, mcp] = [toolName(options), urlTool(options), mcpTool(options)];
  const tool = v.lazy((value) => {
    if (!isObject(value)) return name;
    return value.type === "mcp" ? mcp : url;
  });
  return listOf(tool, "must be a list of tools", maxTools);
};

const nameOf = (tool: unknown): unknown => (isObject(tool) ? tool.name : tool);

/** The model tells tools apart by their names alone. */
export const repeatedNames = (tools: unknown): FieldProblem[] => {
  if (!Array.isArray(tools) || tools.length > maxTools) return [];
  const names = tools.map(nameOf);
  const problems = names.flatMap((name, index) =>
    typeof name === "string" && names.indexOf(name) < index
      ? {
          field: isObject(tools[index]) ? `tools[${index}].name` : `tools[${index}]`,
          problem: `is ${shown(name)} again`,
          mend: "give each tool a name of its own",
        }
      : [],
  );
  return problems.slice(0, problemLimit);
};
