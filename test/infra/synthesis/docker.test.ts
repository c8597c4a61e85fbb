import { describe, expect, it } from "vitest";
import { synthesize } from "./synthesize.ts";

describe("a deploy without Docker, which builds the task's image", () => {
  it.each([
    ["stopped", /^Nothing was changed: Docker is not running.*start Docker/],
    ["missing", /^Nothing was changed: there is no docker command.*install and start Docker/],
  ] as const)("ends before anything is made, and says what to start: %s", async (docker, message) => {
    await expect(synthesize({ docker })).rejects.toThrow(message);
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
