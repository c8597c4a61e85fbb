import path from "node:path";
import { defineConfig } from "vitest/config";

/** Whole calls in real time, with processes and a browser: one after the other, or they would take each other's processor. */
const wholeCalls = [
  "test/calls/**/*.test.ts",
  "test/documentation/**/*.test.ts",
  "test/live/live-call.test.ts",
  "test/live-check/walk.test.ts",
  "test/browser/browser.test.ts",
  "test/cloud-tests/stream-browser.test.ts",
];

/** Against SST's own components and command line, which are installed first. */
const infrastructure = "test/infra/**/*.test.ts";

const shared = { testTimeout: 30_000, hookTimeout: 60_000, pool: "forks" } as const;

/** The package under its own name, from its sources. */
const resolve = { alias: { "stream-agent-bridge": path.resolve(import.meta.dirname, "bridge-task/index.ts") } };

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          ...shared,
          name: "parts",
          include: ["test/**/*.test.ts"],
          exclude: [...wholeCalls, infrastructure],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: "whole calls",
          include: wholeCalls,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve,
        test: {
          ...shared,
          name: "infrastructure",
          include: [infrastructure],
          globalSetup: "test/infra/install-platform.ts",
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
