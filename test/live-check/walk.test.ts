import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Row } from "./assumptions.ts";
import { type Finished, type StandIn, startStandIn } from "./stand-in.ts";

const wholeRunMs = 260_000;

let standIn: StandIn;

beforeAll(async () => {
  standIn = await startStandIn();
});

afterAll(() => standIn?.close());

beforeEach(() => {
  standIn.script();
  standIn.openai.faults.clear();
  standIn.stream.coordinator.restFaults.length = 0;
});

const rowOf = ({ report }: Finished, id: string): Row | undefined => report?.rows.find((row) => row.id === id);

const ids = (finished: Finished, verdict: Row["verdict"]): string[] =>
  (finished.report?.rows ?? []).filter((row) => row.verdict === verdict).map(({ id }) => id);

/** On a machine with other things to do, the first packet may be late: no other row is a matter of time. */
const timed = new Set(["stream.voice-within-500ms"]);

const expectNothingLeft = ({ report }: Pick<Finished, "report">): void => {
  const { calls, users } = standIn.stream.coordinator;
  const isOurs = (id: string) => id.startsWith("live-check-");
  expect(
    calls
      .all()
      .map(({ id }) => id)
      .filter(isOurs),
  ).toEqual([]);
  expect(
    users
      .query({ limit: 100 })
      .map(({ id }) => id)
      .filter(isOurs),
  ).toEqual([]);
  expect(report?.leftBehind ?? []).toEqual([]);
};

const expectNoSecrets = ({ output, reportText }: Finished): void => {
  for (const secret of standIn.secrets) {
    expect(output).not.toContain(secret);
    expect(reportText).not.toContain(secret);
  }
  expect(reportText).not.toMatch(/eyJ[\w-]+\./);
  expect(reportText).not.toMatch(/127\.0\.0\.1/);
  // Nothing of what is negotiated for media.
  expect(reportText).not.toMatch(/ufrag|ice-pwd|fingerprint|candidate:|"sdp"/i);
};

test(
  "a whole run sees what it can see, finds nothing to differ, and leaves nothing behind",
  async () => {
    const run = await standIn.run(["--yes"]);

    expect(run.report?.steps.filter(({ status }) => status !== "done")).toEqual([]);
    expect(ids(run, "differs").filter((id) => !timed.has(id))).toEqual([]);
    expect(run.exitCode).toBe(ids(run, "differs").length === 0 ? 0 : 1);
    // What cannot be seen without a public URL, without spending on purpose, or of a stand-in that takes any name.
    expect(ids(run, "not seen").toSorted()).toEqual([
      "openai.no-quota",
      "openai.sessions-at-once",
      "openai.sideband",
      "openai.unknown-model",
      "openai.unknown-voice",
      "stream.call-type-rights",
      "stream.connect-agent",
      "stream.full-and-encrypted",
      "stream.ring-webhook",
      "stream.turn-udp",
      "stream.webhook-retries",
      "stream.webhook-signature",
    ]);
    expect(run.report?.real).toEqual({ stream: false, openai: false });
    expect(run.output).toContain("a stand-in, not the real service");
    expectNothingLeft(run);
    expectNoSecrets(run);
  },
  wholeRunMs,
);

test(
  "a voice that is refused differs, in a run that goes on",
  async () => {
    const param = "session.audio.output.voice";
    standIn.openai.faults.refuseNext({
      type: "session.update",
      error: { type: "invalid_request_error", code: "invalid_value", message: "No such voice.", param },
    });
    const run = await standIn.run(["--yes", "--only", "openai"]);

    expect(rowOf(run, "openai.default-session")).toMatchObject({
      verdict: "differs",
      seen: expect.stringContaining(param),
    });
    expect(run.exitCode).toBe(1);
    expect(run.output).toContain("DIFFERS   `gpt-realtime-2.1` and voice `marin` exist");
    expect(run.report?.rows.every(({ service }) => service === "openai")).toBe(true);
    expectNoSecrets(run);
  },
  wholeRunMs,
);

test(
  "a join that Stream refuses differs, ends the call early, and still leaves a report and nothing else",
  async () => {
    standIn.stream.coordinator.restFaults.push({ pathEnd: "/join", status: 403, code: 17, count: 1_000 });
    const run = await standIn.run(["--yes", "--only", "stream"], { OPENAI_API_KEY: "" });

    expect(run.exitCode).toBe(3);
    expect(run.report?.steps.find(({ name }) => name === "caller joins")).toMatchObject({ status: "failed" });
    expect(run.report?.steps.find(({ name }) => name === "agent joins")).toMatchObject({ status: "skipped" });
    expect(rowOf(run, "stream.call-token")).toMatchObject({
      verdict: "differs",
      seen: expect.stringContaining("HTTP 403"),
    });
    expect(rowOf(run, "stream.audio-arrives")).toMatchObject({ verdict: "not seen" });
    expectNothingLeft(run);
    expectNoSecrets(run);
  },
  wholeRunMs,
);

test("without a word from whoever pays nothing is done", async () => {
  const run = await standIn.run([]);

  expect(run.exitCode).toBe(2);
  expect(run.output).toContain("USD");
  expect(run.output).toContain("add --yes");
  expect(run.report).toBeUndefined();
  expectNothingLeft(run);
});

test.each([
  "app, users, call: done",
  "refusals: done",
  "caller joins: done",
  "agent joins: done",
  "custom event: done",
])('a run that is ended from outside after "%s" takes back what it has made', async (step) => {
  const run = await standIn.run(["--yes", "--only", "stream"], {}, step);

  expect(run.exitCode).toBe(130);
  expect(run.report).toBeUndefined();
  expectNothingLeft(run);
});

/** Node loads it first: a mistake in this process, at a certain moment. */
const mistake = `const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (text, ...rest) => {
  if (String(text).includes("caller joins: done")) queueMicrotask(() => { throw new Error("a mistake of ours"); });
  return write(text, ...rest);
};`;

test("a run that dies of a mistake takes back what it has made, too", async () => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(mistake)}`;
  const run = await standIn.run(["--yes", "--only", "stream"], { NODE_OPTIONS });

  expect(run.exitCode).toBe(3);
  expect(run.output).toContain("a mistake of ours");
  expectNothingLeft(run);
});
