import { describe, expect, it, vi } from "vitest";
import { InvalidInputError } from "../../bridge-task/errors.ts";
import { resolveTools, type ToolEntry } from "../../bridge-task/tools/resolve.ts";
import type { ToolManifestEntry } from "../../functions/tools/manifest.ts";
import { calledAs, dependencies } from "./dependencies.ts";

const ticket: ToolManifestEntry = {
  name: "submit_support_ticket",
  description: "Creates a support ticket.",
  parameters: { type: "object", properties: { issue: { type: "string" } } },
  timeoutMs: 8_000,
  speaking: "One moment, I am filing that.",
  secrets: [],
  functionName: "tool-submit_support_ticket",
  file: "functions/tools/submit-support-ticket.ts",
};

const resolve = (...entries: ToolEntry[]) =>
  resolveTools({
    entries,
    ...dependencies({ manifest: [ticket], functionNames: { submit_support_ticket: "app-ticket-4f2a" } }),
  });

describe("an agent's tools", () => {
  it("are functions by name, as the manifest describes them", () => {
    const { tools, declared } = resolve("submit_support_ticket");
    const { name, description, parameters, timeoutMs, speaking } = ticket;
    expect(tools).toEqual([
      { definition: { name, description, parameters }, handler: expect.any(Function), timeoutMs, speaking },
    ]);
    expect(declared).toEqual([]);
  });

  it("are URLs and functions of the process, with their own times", () => {
    const handler = () => "here";
    const { tools } = resolve(
      { name: "theirs", url: "https://example.com/tool", timeout: "2.5 seconds", speaking: "Just a second." },
      { name: "ours", description: "Says where.", parameters: { type: "object" }, handler },
    );
    expect(tools).toEqual([
      { definition: { name: "theirs" }, handler: expect.any(Function), timeoutMs: 2_500, speaking: "Just a second." },
      {
        definition: { name: "ours", description: "Says where.", parameters: { type: "object" } },
        handler,
        timeoutMs: 30_000,
      },
    ]);
  });

  it("may be remote MCP servers, which the model's server runs", () => {
    const mcp = { type: "mcp", server_label: "crm", server_url: "https://example.com/mcp" } as const;
    expect(resolve(mcp, "leave")).toMatchObject({ declared: [mcp], tools: [{ definition: { name: "leave" } }] });
  });

  it.each<[ToolEntry[], RegExp]>([
    [["submit_ticket"], /no tool "submit_ticket": it must be one of submit_support_ticket, end_call, leave/],
    [["leave", "leave"], /two tools "leave"/],
    [
      [
        { name: "a", url: "https://x.example" },
        { name: "a", handler: () => 1 },
      ],
      /two tools "a"/,
    ],
    [[{ name: "a", url: "ftp://x.example" }], /^url of tool "a" must begin with https/],
    [[{ name: "a", url: "https://10.0.0.1/" }], /^url of tool "a" must have a public host/],
    [
      [{ name: "a", url: "https://x.example", timeout: "soon" as "1 second" }],
      /^timeout of tool "a" must be a duration/,
    ],
  ])("that cannot be are refused with what to do: %j", (entries, message) => {
    expect(() => resolve(...entries)).toThrow(message);
    expect(() => resolve(...entries)).toThrow(InvalidInputError);
  });

  it("that were deployed without their function are refused", () => {
    const known = dependencies({ manifest: [ticket] });
    expect(() => resolveTools({ entries: ["submit_support_ticket"], ...known })).toThrow(/TOOL_FUNCTIONS/);
    const unlucky = dependencies({ manifest: [{ ...ticket, name: "constructor" }] });
    expect(() => resolveTools({ entries: ["constructor"], ...unlucky })).toThrow(/TOOL_FUNCTIONS/);
  });
});

describe("the built-in tools", () => {
  it.each([
    ["end_call", "endCall"],
    ["leave", "leave"],
  ] as const)("%s answers at once, whatever becomes of it, and takes the agent's leave", async (name, action) => {
    const control = { endCall: vi.fn(), leave: vi.fn() };
    control[action].mockReturnValue(Promise.reject(new Error("no")));
    const [tool] = resolveTools({ entries: [name], ...dependencies({ control }) }).tools;
    expect(tool).toMatchObject({ isFarewell: true, definition: { name } });
    expect(await tool?.handler({}, calledAs())).toMatchObject({ ok: true });
    expect(control.endCall.mock.calls.length + control.leave.mock.calls.length).toBe(1);
    expect(control[action]).toHaveBeenCalledOnce();
  });
});
