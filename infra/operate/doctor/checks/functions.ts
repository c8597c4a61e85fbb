import { createHmac } from "node:crypto";
import { type FunctionConfiguration, InvokeCommand } from "@aws-sdk/client-lambda";
import { messageOf } from "../../../../bridge-task/errors.ts";
import { AgentsApiError, createAgentsClient } from "../../../../functions/api/client.ts";
import { parametersVariable } from "../../../../functions/parameters.ts";
import { isAccessDenied, nameOf } from "../../cli/aws-failure.ts";
import { type Check, type Finding, Found, ok, orOk, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";
import { missingParameters } from "./aws.ts";

const requestMs = 10_000;

/** What is wrong with a function as it stands. Idle ones become Inactive, and Active again when they are invoked. */
export const stateFindings = (name: string, found: FunctionConfiguration | undefined, stage: string): Finding[] => {
  const again = `deploy again: npx sst deploy --stage ${stage}`;
  if (found === undefined) return [problem(`the function ${name} does not exist`, again)];
  const { State = "Active", StateReason, LastUpdateStatus, LastUpdateStatusReason } = found;
  if (State === "Failed") return [problem(`${name} cannot run: ${StateReason ?? "AWS does not say why"}`, again)];
  if (LastUpdateStatus === "Failed") {
    return [problem(`the latest change of ${name} failed: ${LastUpdateStatusReason ?? "AWS does not say why"}`, again)];
  }
  if (State === "Pending" || LastUpdateStatus === "InProgress") {
    return [warn(`${name} is being changed just now`, "if a deploy is under way, ask again when it is done")];
  }
  return [];
};

const textOf = async (response: Response): Promise<string> => (await response.text()).slice(0, 300);

/** Posts an event that nobody acts on. */
const postEvent = async (url: string, headers: Record<string, string>, body: string) => {
  try {
    const signal = AbortSignal.timeout(requestMs);
    const response = await fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      headers: { "content-type": "application/json", ...headers },
      signal,
    });
    return { status: response.status, text: await textOf(response) };
  } catch (error) {
    throw new Found(
      problem(`${url} did not answer (${messageOf(error)})`, "try again; see the webhook function's log"),
      error,
    );
  }
};

/** Names of the parameters that a function reads its secrets from. */
const parametersOf = ({ Environment }: FunctionConfiguration): string[] => {
  try {
    const named: unknown = JSON.parse(Environment?.Variables?.[parametersVariable] ?? "{}");
    return typeof named === "object" && named !== null ? Object.values(named).map(String) : [];
  } catch {
    return []; // It is the deploy that writes it; a function that cannot read it says so in its log.
  }
};

/** Lambda's own word whether a function could be invoked; nothing runs. */
const dryRun = async ({ lambda }: Patient["aws"], name: string): Promise<void> => {
  await lambda.send(new InvokeCommand({ FunctionName: name, InvocationType: "DryRun" }));
};

/** The functions: that they are there, that the API and the webhook take what they should, and nothing else. */
export const functionChecks = (patient: Patient): Check[] => {
  const { aws, stage, now, deployment, streamKeys, streamApp, key, api, functionOf } = patient;

  const toolFindings = async (tool: string, name: string): Promise<Finding[]> => {
    const found = await functionOf(name);
    const states = stateFindings(name, found, stage).map((one) => ({
      ...one,
      message: `tool ${tool}: ${one.message}`,
    }));
    if (found === undefined || states.length > 0) return states;
    const invocable = await dryRun(aws, name).then(
      () => [],
      (error: unknown) => {
        // It is the operator who may not; what the task may is another matter.
        if (isAccessDenied(error)) throw error;
        return [
          problem(
            `tool ${tool}: ${name} cannot be invoked (${nameOf(error)}: ${messageOf(error)})`,
            `deploy again: npx sst deploy --stage ${stage}`,
          ),
        ];
      },
    );
    const missing = await missingParameters(aws, parametersOf(found));
    const secrets = missing.map((parameter) => {
      const secret = parameter.slice(parameter.lastIndexOf("/") + 1);
      return problem(
        `tool ${tool}: its secret ${parameter} is missing or empty`,
        `npx sst secret set ${secret} <value> --stage ${stage}, then npx sst deploy --stage ${stage}`,
      );
    });
    return [...invocable, ...secrets];
  };

  return [
    {
      id: "functions",
      title: "Functions",
      run: async () => {
        const { webhook, taskStopped, sweep } = (await deployment()).functions;
        const names = [webhook, taskStopped, sweep];
        const findings = await Promise.all(
          names.map(async (name) => stateFindings(name, await functionOf(name), stage)),
        );
        return orOk(findings.flat(), names.join(", "));
      },
    },
    {
      id: "function-url",
      title: "The API's address",
      run: async () => {
        await api();
        return ok(`${(await deployment()).agentsUrl} answers`);
      },
    },
    {
      id: "webhook",
      title: "The webhook",
      run: async () => {
        // With a secret that Stream refuses, nothing can be said of what Stream signs.
        await Promise.all([api(), streamApp()]);
        const [{ agentsUrl }, { apiKey, apiSecret }] = await Promise.all([deployment(), streamKeys()]);
        const url = `${agentsUrl}/webhooks/stream`;
        const body = JSON.stringify({ type: "agents.doctor", created_at: new Date(now()).toISOString() });
        const signature = createHmac("sha256", apiSecret).update(body).digest("hex");
        const restart = `the function has another Stream key or secret than SSM: deploy again (npx sst deploy --stage ${stage}), or npm run agents -- env --rotate, which makes it read them anew`;
        const [signed, unsigned] = await Promise.all([
          postEvent(url, { "x-signature": signature, "x-api-key": apiKey }, body),
          postEvent(url, { "x-api-key": apiKey }, body),
        ]);
        const findings: Finding[] = [
          ...(signed.status === 200
            ? []
            : [
                problem(
                  `a signed event is answered with HTTP ${signed.status}: ${signed.text}`,
                  signed.status === 401 ? restart : "see the webhook function's log",
                ),
              ]),
          ...(unsigned.status === 401
            ? []
            : [
                problem(
                  `an event without a signature is answered with HTTP ${unsigned.status}, not 401`,
                  `${url} is not this project's webhook, or an old one: deploy again`,
                ),
              ]),
        ];
        return orOk(findings, "takes what Stream signs, and nothing else");
      },
    },
    {
      id: "api-key",
      title: "The API key",
      run: async () => {
        await api();
        const [{ agentsUrl }, agentsKey] = await Promise.all([deployment(), key("AGENTS_API_KEY")]);
        try {
          await createAgentsClient({ url: agentsUrl, key: agentsKey }).list({ type: "default", id: "no-such-call" });
        } catch (error) {
          // Whoever was let in may still be told that something else is broken; its own check tells of that.
          if (!(error instanceof AgentsApiError) || error.status !== 401) return ok("accepted");
          return problem(
            "the API refuses the key that is in SSM: its functions have another one",
            "make a new one: npm run agents -- env --rotate",
          );
        }
        return ok("accepted");
      },
    },
    {
      id: "tools",
      title: "Tools",
      run: async () => {
        const { tools } = (await deployment()).functions;
        const entries = Object.entries(tools);
        if (entries.length === 0) return ok("there are none that are functions");
        const findings = await Promise.all(entries.map(([tool, name]) => toolFindings(tool, name)));
        return orOk(findings.flat(), entries.map(([tool]) => tool).join(", "));
      },
    },
  ];
};
