import { hookIdOf, hookOf, hookUrlOf } from "../../../functions/registration/hook.ts";
import {
  type Case,
  changeDeployment,
  changeParameter,
  changeVariables,
  names,
  repairHooks,
  setHooks,
  us,
} from "../breaking.ts";

/** Functions, their URL or their keys are not as deployed. */
export const functionCases: Case[] = [
  {
    broken: "the webhook function is gone",
    break: (cloud) => {
      // Its URL goes with it: both come back, under another address.
      return changeDeployment(cloud, { functions: { ...cloud.deployment.functions, webhook: "no-such-function" } });
    },
    check: "functions",
    says: /no-such-function does not exist/,
    mend: /deploy again/,
  },
  {
    broken: "the webhook function cannot start",
    break: () => changeVariables("webhook", { CALLS_TABLE: "" }),
    check: "function-url",
    says: /the webhook function fails \(HTTP 502/,
    mend: /see why in the log group \/stream-agent-bridge\/local\/Webhook/,
  },
  {
    broken: "the webhook function has another Stream secret than SSM",
    break: () => changeVariables("webhook", { STREAM_API_SECRET: "the-one-before" }),
    check: "webhook",
    says: /a signed event is answered with HTTP 401/,
    mend: /another Stream key or secret than SSM/,
  },
  {
    broken: "a tool's secret is missing",
    break: () =>
      changeVariables("tool-get_current_time", { SSM_PARAMETERS: '{"CRM_KEY":"/stream-agent-bridge/local/CrmKey"}' }),
    check: "tools",
    says: /get_current_time: its secret \/stream-agent-bridge\/local\/CrmKey is missing/,
    mend: /sst secret set CrmKey/,
  },
  {
    broken: "the function's URL is gone",
    break: (cloud) => {
      setHooks(cloud, hookOf(hookIdOf(us), hookUrlOf("http://127.0.0.1:9/webhooks/stream", { ...us, calls: "all" })));
      const repair = changeDeployment(cloud, { agentsUrl: "http://127.0.0.1:9" });
      return () => {
        repair();
        repairHooks(cloud);
      };
    },
    check: "function-url",
    says: /cannot be reached/,
    mend: /the function's URL is gone/,
  },
  {
    broken: "a tool's function is not there",
    break: (cloud) =>
      changeDeployment(cloud, {
        functions: {
          ...cloud.deployment.functions,
          tools: { ...cloud.deployment.functions.tools, find_order: "tool-find_order" },
        },
      }),
    check: "tools",
    says: /find_order: the function tool-find_order does not exist/,
    mend: /deploy again/,
  },
  {
    broken: "the functions have another API key than SSM",
    break: (cloud) => changeParameter(cloud, names.AGENTS_API_KEY, "a-key-that-nobody-was-told"),
    check: "api-key",
    says: /refuses the key/,
    mend: /env --rotate/,
  },
];
