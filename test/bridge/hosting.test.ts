import { StreamClient } from "@stream-io/node-sdk";
import { afterEach, describe, expect, it, vi } from "vitest";
import { connectOpenAi } from "../../bridge-task/connect-open-ai.ts";
import { frozenRuntimeOf } from "../../bridge-task/hosting.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const options = {
  streamClient: new StreamClient("key", "secret", { basePath: "http://127.0.0.1:9" }),
  call: { type: "default", id: "first" },
  openAiApiKey: "sk-test",
  agentUserId: "lucy",
};

describe("a host that freezes the process after each answer", () => {
  it.each([
    ["VERCEL", "1", "Vercel"],
    ["NETLIFY", "true", "Netlify"],
    ["AWS_LAMBDA_FUNCTION_NAME", "webhook", "AWS Lambda"],
    ["K_SERVICE", "webhook", "Google Cloud Run or Functions"],
    ["FUNCTIONS_WORKER_RUNTIME", "node", "Azure Functions"],
  ])("is known by %s", (variable, value, runtime) => {
    expect(frozenRuntimeOf({ [variable]: value })).toBe(runtime);
    expect(frozenRuntimeOf({ [variable]: "" })).toBeUndefined();
  });

  it("is refused at once, with what to do instead", async () => {
    vi.stubEnv("VERCEL", "1");
    await expect(connectOpenAi(options)).rejects.toMatchObject({
      name: "FrozenRuntimeError",
      code: "frozen_runtime",
      message: expect.stringMatching(/Vercel.*POST \/calls\/default\/first\/agents.*processLivesOn/s),
    });
  });

  it("is accepted where the caller says that the process lives on", async () => {
    vi.stubEnv("VERCEL", "1");
    await expect(connectOpenAi({ ...options, openAiApiKey: "", processLivesOn: true })).rejects.toMatchObject({
      code: "invalid_input",
    });
  });
});
