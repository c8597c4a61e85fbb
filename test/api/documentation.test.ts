import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { requestChecks } from "../../functions/api/validation/requests.ts";

const text = await readFile(path.resolve(import.meta.dirname, "../../docs/http-api.md"), "utf8");
const checks = requestChecks({ agents: [], functionTools: ["submit_support_ticket"], allowLoopbackUrls: false });

/** The first piece of the documentation that a pattern finds. */
const found = (pattern: RegExp): string => {
  const [, piece] = pattern.exec(text) ?? [];
  if (piece === undefined) throw new Error(`docs/http-api.md has nothing like ${pattern}`);
  return piece;
};

test("The documentation's first request is taken.", () => {
  expect(checks.join(JSON.parse(found(/ -d '(\{[^']+\})'/)))).toMatchObject({ ok: true });
});

test("The documentation's tools are taken.", () => {
  const { tools } = JSON.parse(`{${found(/```json\n("tools": \[[^`]+\])\n```/)}}`);
  expect(checks.join({ user: { id: "lucy" }, tools })).toMatchObject({ ok: true });
});

test("Every field of a request is in the documentation's table, and no other.", () => {
  const complaint = checks.join({ user: { id: "lucy" }, unknown_field: 1 });
  const [, known = ""] = /all: (.*)$/.exec(complaint.ok ? "" : (complaint.fields[0]?.mend ?? "")) ?? [];
  const table = found(/\| field \|[^\n]*\n\|[-|]+\n((?:\| `[^\n]+\n)+)/);
  const rows = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(rows.toSorted()).toEqual(known.split(", ").toSorted());
});
