import OpenAI, { APIError } from "openai";
import { agents } from "../../../../bridge-task/agents/index.ts";
import { deferred, withDeadline } from "../../../../bridge-task/deadline.ts";
import { messageOf } from "../../../../bridge-task/errors.ts";
import { silentLogger } from "../../../../bridge-task/log.ts";
import { Connection } from "../../../../bridge-task/realtime/connection.ts";
import { classifyError, ModelError, modelErrorOf } from "../../../../bridge-task/realtime/model-errors.ts";
import { defaultModel } from "../../../../bridge-task/realtime/session/config.ts";
import { type Check, type Fact, type Finding, Found, fact, ok, orOk, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";

const openAiBaseUrl = "https://api.openai.com/v1";
const requestMs = 10_000;

/** Codes of an account without money, whatever the status. */
const noMoney = new Set(["insufficient_quota", "billing_hard_limit_reached", "account_deactivated"]);

const quotaFinding = (message: string): Finding =>
  problem(
    `OpenAI lets this account do nothing more: ${message}`,
    "add credit or raise the spending limit at platform.openai.com, under Billing and Limits",
  );

/** Models of the agents as code, as they are defined here. */
const modelsOfAgents = (): string[] => [...new Set(Object.values(agents).map(({ model = defaultModel }) => model))];

type ModelState = "there" | "unknown" | "missing";

const keyFinding = (message: string, stage: string): Finding =>
  problem(
    `OpenAI refuses the key: ${message}`,
    `set a valid one (platform.openai.com, API keys): npx sst secret set OpenAiApiKey <key> --stage ${stage}, then deploy again`,
  );

/** Whether the key may use the model. Throws Found where the key itself is refused, or nobody answers. */
const askForModel = async (client: OpenAI, model: string, stage: string): Promise<ModelState> => {
  try {
    await client.models.retrieve(model);
    return "there";
  } catch (error) {
    if (!(error instanceof APIError) || error.status === undefined) {
      const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : "";
      throw new Found(
        problem(`OpenAI did not answer (${messageOf(error)}${cause})`, "check the network, and status.openai.com"),
        error,
      );
    }
    const { status, code, message } = error;
    if (noMoney.has(code ?? "")) throw new Found(quotaFinding(message), error);
    if (status === 401) throw new Found(keyFinding(message, stage), error);
    if (status === 404) return "missing";
    // A restricted key may use models that it may not list.
    if (status === 403) return "unknown";
    throw new Found(problem(`OpenAI answered HTTP ${status}: ${message}`, "try again; see status.openai.com"), error);
  }
};

/** Opens a session, waits for the server's first word and closes. Nothing is generated, so nothing is billed. Rejects with ModelError. */
const openSession = async (apiKey: string, baseUrl: string, model: string): Promise<void> => {
  const firstWord = deferred<void>();
  // It may come while the socket is still opening.
  firstWord.promise.catch(() => undefined);
  const connection = new Connection({
    apiKey,
    model,
    baseUrl,
    logger: silentLogger,
    openTimeoutMs: requestMs,
    onEvent: (event) => {
      if (event.type === "session.created") firstWord.resolve();
      if (event.type === "error") firstWord.reject(modelErrorOf(event.error, "model_lost"));
    },
    onClosed: ({ error }) => firstWord.reject(error ?? modelErrorOf({}, "model_lost")),
  });
  await connection.opened();
  try {
    await withDeadline(firstWord.promise, requestMs, "The first word of the model's server");
  } finally {
    await connection.close();
  }
};

const sessionFinding = (model: string, error: unknown): Finding => {
  const code = error instanceof ModelError ? error.code : "";
  if (noMoney.has(code)) return quotaFinding(messageOf(error));
  const mend = classifyError({ code }).advice;
  return problem(`no Realtime session with ${model}: ${messageOf(error)}`, mend);
};

/** OpenAI: the key, the models of the agents as code, and a session with each. */
export const openAiChecks = ({ stage, deployment, key }: Patient): Check[] => {
  const models = modelsOfAgents();
  const server = fact("parameters", async () => ({
    apiKey: await key("OPENAI_API_KEY"),
    baseUrl: (await deployment()).openAiBaseUrl ?? openAiBaseUrl,
  }));
  const states: Fact<Map<string, ModelState>> = fact("openai-key", async () => {
    const { apiKey, baseUrl } = await server();
    const client = new OpenAI({
      apiKey,
      baseURL: baseUrl,
      timeout: requestMs,
      maxRetries: 1,
      organization: null,
      project: null,
    });
    return new Map(
      await Promise.all(models.map(async (model) => [model, await askForModel(client, model, stage)] as const)),
    );
  });
  /** Models that a session can be tried with. */
  const usable = fact("openai-models", async () => {
    const found = [...(await states())].filter(([, state]) => state !== "missing").map(([model]) => model);
    if (found.length === 0) throw new Error("no model may be used");
    return found;
  });
  return [
    {
      id: "openai-key",
      title: "OpenAI key",
      run: async () => {
        await states();
        return ok("accepted");
      },
    },
    {
      id: "openai-models",
      title: "The agents' models",
      run: async () => {
        const findings = [...(await states())].flatMap(([model, state]): Finding[] => {
          if (state === "there") return [];
          if (state === "unknown") {
            return [
              warn(
                `the key may not ask whether there is ${model}`,
                "nothing, if the session below opens; else give the key the right to read models",
              ),
            ];
          }
          return [
            problem(
              `the model ${model} does not exist, or this key may not use it`,
              "choose another Realtime model for the agent (`model` in bridge-task/agents), or ask OpenAI for access",
            ),
          ];
        });
        return orOk(findings, models.join(", "));
      },
    },
    {
      id: "openai-session",
      title: "A Realtime session",
      run: async () => {
        const [{ apiKey, baseUrl }, tried] = await Promise.all([server(), usable()]);
        const findings = await Promise.all(
          tried.map((model) =>
            openSession(apiKey, baseUrl, model).then(
              () => [],
              (error: unknown) => [sessionFinding(model, error)],
            ),
          ),
        );
        return orOk(findings.flat(), `opened and closed with ${tried.join(", ")}`);
      },
    },
  ];
};
