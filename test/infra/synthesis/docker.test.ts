import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { requireDocker } from "../../../infra/docker.ts";
import { synthesize } from "./synthesize.ts";

describe("a deploy without Docker, which builds the task's image", () => {
  it.each([
    ["stopped", /^Nothing was changed: Docker is not running.*start Docker/],
    ["missing", /^Nothing was changed: there is no docker command.*install and start Docker/],
  ] as const)("ends before anything is made, and says what to start: %s", async (docker, message) => {
    await expect(synthesize({ docker })).rejects.toThrow(message);
  });

  it("ends in time where Docker says nothing at all", async () => {
    const bin = await mkdtemp(path.join(os.tmpdir(), "docker-"));
    vi.stubEnv("PATH", bin);
    vi.stubEnv("BUILDX_BUILDER", "");
    try {
      await writeFile(path.join(bin, "docker"), "#!/bin/sh\nexec /bin/sleep 60\n", { mode: 0o755 });
      await expect(requireDocker({ deadlineMs: 100 })).rejects.toThrow(/did not answer within 0.1 s.*start Docker/);
    } finally {
      vi.unstubAllEnvs();
      await rm(bin, { recursive: true });
    }
  });

  it("goes on with a builder that is elsewhere", async () => {
    const { resources } = await synthesize({ docker: "missing", environment: { BUILDX_BUILDER: "elsewhere" } });
    const image = resources.find(({ type }) => type === "docker-build:index:Image");
    expect(image?.inputs.builder).toEqual({ name: "elsewhere" });
  });

  it("is not asked where nothing is deployed", async () => {
    await expect(synthesize({ docker: "missing", command: "diff" })).resolves.toBeDefined();
  });
});
