import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Simulation, startSimulation } from "./simulation.ts";

let simulation: Simulation;

beforeAll(async () => {
  simulation = await startSimulation();
});

afterAll(() => simulation?.close());

/** Stream is well again, and has no hooks. */
const restoreStream = () => {
  simulation.stream.coordinator.restFaults.splice(0);
  app().restore({ event_hooks: [] });
};

const app = () => simulation.stream.coordinator.app;

test("a deploy without a secret fails, names it, and leaves Stream alone", { timeout: 60_000 }, async () => {
  await simulation.setSecrets("incomplete");
  await simulation.sst("secret", "remove", "OpenAiApiKey", "--stage", "incomplete");

  const { exitCode, output } = await simulation.sst("deploy", "--stage", "incomplete");

  expect(exitCode).not.toBe(0);
  expect(output).toContain("sst secret set OpenAiApiKey");
  expect(output).not.toContain("Complete");
  expect(app().settings.event_hooks).toEqual([]);
});

test("a deploy without Docker fails, says what to start, and makes nothing", { timeout: 60_000 }, async () => {
  await simulation.setSecrets("dockerless");
  await simulation.setDocker(false);
  const { exitCode, output } = await simulation
    .sst("deploy", "--stage", "dockerless")
    .finally(() => simulation.setDocker(true));

  expect(exitCode).not.toBe(0);
  expect(output).toContain("Nothing was changed: Docker is not running");
  expect(output).not.toContain("Complete");
  expect(simulation.provisioner.resources()).toEqual([]);
});

test("a deploy with a wrong Stream secret fails, says what to set, and succeeds once it is set", {
  timeout: 90_000,
}, async () => {
  await simulation.setSecrets("mistyped");
  await simulation.sst("secret", "set", "StreamApiSecret", "no-such-secret", "--stage", "mistyped");

  const refused = await simulation.sst("deploy", "--stage", "mistyped");

  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toContain("set StreamApiKey and StreamApiSecret to those of one app");
  expect(app().settings.event_hooks).toEqual([]);

  await simulation.setSecrets("mistyped");
  expect(await simulation.sst("deploy", "--stage", "mistyped")).toMatchObject({ exitCode: 0 });
  expect(app().settings.event_hooks).toHaveLength(1);
  app().restore({ event_hooks: [] });
});

test("a deploy beside another stage's hook fails, names that stage, changes no hook, and succeeds once it is gone", {
  timeout: 90_000,
}, async () => {
  const other = {
    id: "0f3a1c6e-2222-8333-9444-555566667777",
    enabled: true,
    hook_type: "webhook",
    webhook_url: "http://127.0.0.1:9/webhooks/stream?app=stream-agent-bridge&stage=elsewhere&calls=all",
    event_types: ["call.created"],
    should_send_custom_events: false,
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    product: "all",
  };
  app().restore({ event_hooks: [other] });
  await simulation.setSecrets("second");

  const refused = await simulation.sst("deploy", "--stage", "second");

  expect(refused.exitCode).not.toBe(0);
  // The answer of a function that failed is JSON.
  expect(refused.output).toContain(String.raw`already sends its events to stage \"elsewhere\"`);
  expect(refused.output).toContain("npx sst remove --stage elsewhere");
  expect(app().settings.event_hooks).toEqual([other]);

  app().restore({ event_hooks: [] });
  const { exitCode, output } = await simulation.sst("deploy", "--stage", "second");

  expect(output).toContain("Complete");
  expect(exitCode).toBe(0);
  expect(app().settings.event_hooks).toHaveLength(1);
  restoreStream();
});

test("a stage whose Stream app does not answer any more goes by the way that the failed removal names", {
  timeout: 120_000,
}, async () => {
  onTestFinished(restoreStream);
  await simulation.setSecrets("stranded");
  expect(await simulation.sst("deploy", "--stage", "stranded")).toMatchObject({ exitCode: 0 });
  const { restFaults } = simulation.stream.coordinator;
  restFaults.push({ pathEnd: "/app", status: 500, code: -1, count: Number.POSITIVE_INFINITY });

  const refused = await simulation.sst("remove", "--stage", "stranded");

  expect(refused.exitCode).not.toBe(0);
  expect(refused.output).toContain("npx sst state remove Registration --stage stranded");
  const forgotten = await simulation.sstAnswering("y\n", "state", "remove", "Registration", "--stage", "stranded");
  expect(forgotten).toMatchObject({ exitCode: 0 });
  const removed = await simulation.sst("remove", "--stage", "stranded");
  expect(removed.output).toContain("Removed");
  expect(removed.exitCode).toBe(0);
  expect(app().settings.event_hooks).toHaveLength(1);
});

test("a stage whose Stream keys are dead goes: its hook is for whoever still has the app", {
  timeout: 90_000,
}, async () => {
  onTestFinished(restoreStream);
  await simulation.setSecrets("orphaned");
  expect(await simulation.sst("deploy", "--stage", "orphaned")).toMatchObject({ exitCode: 0 });
  const { restFaults } = simulation.stream.coordinator;
  restFaults.push({ pathEnd: "/app", status: 401, code: 2, count: Number.POSITIVE_INFINITY });
  const removed = await simulation.sst("remove", "--stage", "orphaned");
  expect(removed.output).toContain("Removed");
  expect(removed.exitCode).toBe(0);
});
