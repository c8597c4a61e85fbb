import { hookUrlOf } from "../../../functions/registration/hook.ts";
import {
  appOf,
  type Case,
  changeDeployment,
  changeParameter,
  names,
  namesakesHook,
  otherStagesHook,
  ourHook,
  repairHooks,
  setHooks,
  us,
} from "../breaking.ts";
import { streamClientOf } from "../operated-cloud.ts";

/** The Stream app is not as the deployment needs it. */
export const streamCases: Case[] = [
  {
    broken: "the Stream key is another app's",
    break: (cloud) => changeParameter(cloud, names.STREAM_API_KEY, "another-key"),
    check: "stream-keys",
    says: /does not know the API key/,
    mend: /sst secret set/,
  },
  {
    broken: "Stream refuses the secret",
    break: (cloud) => changeParameter(cloud, names.STREAM_API_SECRET, "wrong"),
    check: "stream-keys",
    says: /refuses what the secret signs/,
    mend: /set StreamApiSecret/,
  },
  {
    broken: "the hook is missing",
    break: (cloud) => {
      setHooks(cloud);
      return () => repairHooks(cloud);
    },
    check: "stream-hook",
    says: /has no hook of this stage/,
    mend: /npx sst deploy --stage local/,
  },
  {
    broken: "the hook is disabled",
    break: (cloud) => {
      setHooks(cloud, { ...ourHook(cloud), enabled: false });
      return () => repairHooks(cloud);
    },
    check: "stream-hook",
    says: /the hook is disabled/,
    mend: /deploy again/,
  },
  {
    broken: "the hook points elsewhere",
    break: (cloud) => {
      const url = hookUrlOf("https://old.example.com/webhooks/stream", { ...us, calls: "all" });
      setHooks(cloud, { ...ourHook(cloud), webhook_url: url });
      return () => repairHooks(cloud);
    },
    check: "stream-hook",
    says: /points to https:\/\/old\.example\.com/,
    mend: /deploy again/,
  },
  {
    broken: "the hook does not send all that is acted on",
    break: (cloud) => {
      setHooks(cloud, { ...ourHook(cloud), event_types: ["call.created"] });
      return () => repairHooks(cloud);
    },
    check: "stream-hook",
    says: /does not send call\.session_started/,
    mend: /deploy again/,
  },
  {
    broken: "the hook sends everything",
    break: (cloud) => {
      setHooks(cloud, { ...ourHook(cloud), event_types: [] });
      return () => repairHooks(cloud);
    },
    check: "stream-hook",
    says: /every type of event/,
    mend: /deploy again/,
    state: "warn",
  },
  {
    broken: "another stage is on the app",
    break: (cloud) => {
      setHooks(cloud, ourHook(cloud), otherStagesHook("all"));
      return () => repairHooks(cloud);
    },
    check: "stream-other-hooks",
    says: /stage "other" has an enabled hook/,
    mend: /sst remove --stage other/,
  },
  {
    broken: "a stage of the same name in another account is on the app, were it for its own calls",
    break: (cloud) => {
      setHooks(cloud, ourHook(cloud), namesakesHook("own"));
      return () => repairHooks(cloud);
    },
    check: "stream-other-hooks",
    says: /stage "local" in another AWS account or region has an enabled hook/,
    mend: /another stage name.+delete its hook/,
  },
  {
    broken: "the app's older webhook_url points here, too",
    break: (cloud) => {
      appOf(cloud).update({ webhook_url: cloud.info.webhookUrl });
      return () => repairHooks(cloud);
    },
    check: "stream-other-hooks",
    says: /each event comes twice/,
    mend: /empty webhook_url/,
    state: "warn",
  },
  {
    broken: "the agent's user is not there",
    break: (cloud) => changeDeployment(cloud, { agentUsers: ["lucy", "nobody"] }),
    check: "agent-users",
    says: /user nobody does not exist/,
    mend: /deploy again/,
    state: "warn",
  },
  {
    broken: "the agent's user is not marked",
    break: async (cloud) => {
      await streamClientOf(cloud).updateUsersPartial({ users: [{ id: "lucy", set: { agent: false } }] });
      return () => streamClientOf(cloud).updateUsersPartial({ users: [{ id: "lucy", set: { agent: true } }] });
    },
    check: "agent-users",
    says: /not marked with custom\.agent/,
    mend: /set custom\.agent to true/,
    state: "warn",
  },
  {
    broken: "the role may not speak",
    break: (cloud) => {
      const { callTypes } = cloud.stream.coordinator;
      const before = callTypes.grantsOf("default", "user");
      callTypes.setGrants(
        "default",
        "user",
        before.filter((right) => right !== "send-audio"),
      );
      return () => callTypes.setGrants("default", "user", before);
    },
    check: "agent-rights",
    says: /may not speak in calls of type default/,
    mend: /the right send-audio/,
    state: "warn",
  },
  {
    broken: "the role may not join",
    break: (cloud) => {
      const { callTypes } = cloud.stream.coordinator;
      const before = callTypes.grantsOf("default", "user");
      callTypes.setGrants("default", "user", []);
      return () => callTypes.setGrants("default", "user", before);
    },
    check: "agent-rights",
    says: /may not join calls of type default/,
    mend: /the right join-call/,
  },
  {
    broken: "a call type is not there",
    break: (cloud) => changeDeployment(cloud, { callTypes: ["default", "consultation"] }),
    check: "call-types",
    says: /no call type "consultation"/,
    mend: /make it in Stream's dashboard/,
  },
];
