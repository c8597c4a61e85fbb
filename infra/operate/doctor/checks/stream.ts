import type { Deployment } from "../../deployment.ts";
import { type Check, type Finding, isJson, type Json, ok, orOk, problem, warn } from "../check.ts";
import { otherHooksFindings, ownHookFindings } from "../hooks.ts";
import type { Patient } from "../patient.ts";

/** What an agent has to be allowed to. */
const [join, speak] = ["join-call", "send-audio"] as const;

const appFindings = (app: Json): Finding[] => [
  ...(app.suspended === true
    ? [
        problem(
          `Stream has suspended the app${app.suspended_explanation ? ` (${app.suspended_explanation})` : ""}`,
          "see your account in Stream's dashboard, or ask Stream's support",
        ),
      ]
    : []),
];

const roleOf = (user: Json): string => (typeof user.role === "string" && user.role !== "" ? user.role : "user");

/** The agents' users that there are, by id. */
const readUsers = async ({ streamApp, stream }: Patient, ids: readonly string[]): Promise<Map<string, Json>> => {
  await streamApp();
  const payload = JSON.stringify({ filter_conditions: { id: { $in: ids } }, limit: ids.length });
  const { users } = await stream("/users", { payload });
  return new Map((Array.isArray(users) ? users : []).filter(isJson).map((user) => [String(user.id), user]));
};

const userFindings = (id: string, user: Json | undefined, { stage }: Deployment): Finding[] => {
  const deploy = `deploy again, which makes it: npx sst deploy --stage ${stage}. Until then the agent makes it itself when it joins`;
  if (user === undefined) return [warn(`the agent's user ${id} does not exist`, deploy)];
  if (isJson(user.custom) ? user.custom.agent === true : user.agent === true) return [];
  return [
    warn(
      `the user ${id} is not marked with custom.agent: true, by which agents are told from people`,
      "it is marked when the agent joins a call; or set custom.agent to true on the user",
    ),
  ];
};

/** What the user's role may not do in calls of a type. */
const rightFindings = (id: string, role: string, type: string, { grants }: Json): Finding[] => {
  const granted = isJson(grants) && Array.isArray(grants[role]) ? grants[role] : [];
  const mend = (right: string) =>
    `give the role "${role}" the right ${right} in the call type "${type}" (Stream's dashboard: Call Types, Roles & Permissions)`;
  if (!granted.includes(join)) {
    return [problem(`${id} has the role "${role}", which may not join calls of type ${type}`, mend(join))];
  }
  if (granted.includes(speak)) return [];
  return [
    warn(
      `${id} has the role "${role}", which may not speak in calls of type ${type}: it is given the right in each call, which costs time`,
      mend(speak),
    ),
  ];
};

/** The Stream app: keys, hooks, the agents' users and their rights. */
export const streamChecks = (patient: Patient): Check[] => {
  const { deployment, streamApp, callTypes } = patient;
  return [
    {
      id: "stream-keys",
      title: "Stream key and secret",
      run: async () => {
        const app = await streamApp();
        return orOk(appFindings(app), `accepted, app "${String(app.name ?? app.id ?? "")}"`);
      },
    },
    {
      id: "stream-hook",
      title: "Stream's event hook",
      run: async () => ownHookFindings(await streamApp(), await deployment()),
    },
    {
      id: "stream-other-hooks",
      title: "Other hooks on the app",
      run: async () => otherHooksFindings(await streamApp(), await deployment()),
    },
    {
      id: "call-types",
      title: "Call types",
      run: async () => {
        const [known, { callTypes: wanted }] = await Promise.all([callTypes(), deployment()]);
        if (wanted.length === 0) return ok("agents as code are asked about none, as the settings say");
        const findings = wanted.flatMap((type) =>
          known[type] === undefined
            ? [
                problem(
                  `the app has no call type "${type}"`,
                  `make it in Stream's dashboard, or change callTypes in infra/settings.ts; there are: ${Object.keys(known).join(", ")}`,
                ),
              ]
            : [],
        );
        return orOk(findings, wanted.join(", "));
      },
    },
    {
      id: "agent-users",
      title: "The agents' users",
      run: async () => {
        const found = await deployment();
        if (found.agentUsers.length === 0) return ok("there are no agents as code");
        const users = await readUsers(patient, found.agentUsers);
        const findings = found.agentUsers.flatMap((id) => userFindings(id, users.get(id), found));
        return orOk(findings, found.agentUsers.join(", "));
      },
    },
    {
      id: "agent-rights",
      title: "What they may do",
      run: async () => {
        const [{ agentUsers, callTypes: wanted }, known] = await Promise.all([deployment(), callTypes()]);
        if (agentUsers.length === 0 || wanted.length === 0) return ok("nothing to look at");
        const users = await readUsers(patient, agentUsers);
        const findings = agentUsers.flatMap((id) => {
          const user = users.get(id);
          // Who is not there yet gets the role "user".
          const role = user === undefined ? "user" : roleOf(user);
          return wanted.flatMap((type) => {
            const callType = known[type];
            return callType === undefined ? [] : rightFindings(id, role, type, callType);
          });
        });
        return orOk(findings, `they may join and speak in calls of type ${wanted.join(", ")}`);
      },
    },
  ];
};
