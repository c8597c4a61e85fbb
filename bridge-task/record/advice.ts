import type { EndReason } from "../job.ts";

/** What to do where a stay ended because something is wrong. Reasons that are not here are how calls end. */
const advice: Partial<Record<EndReason, string>> = {
  internal: "An error nobody foresaw: look for task_failed in the task's log, and report it with the launch id.",
  bad_job:
    "The agent cannot run as it was asked for: mend what `detail` names, in the request, the agent's file, or the deployment, and ask for it again.",
  refused:
    "Stream told the agent to leave for good: see in Stream's dashboard whether its user is banned or the call is restricted, then ask for it again.",
  join_failed:
    "Stream refused the join or could not be reached: check STREAM_API_KEY and STREAM_API_SECRET and Stream's status page. The next event of the call brings the agent again.",
  sfu_lost:
    "The connection to Stream's media server was lost while the call went on; the agent is started again by itself. If it happens often, look at the task's network.",
  model_refused:
    "The model server refused the session: check OPENAI_API_KEY, its quota, and that it may use the agent's model.",
  model_lost:
    "The model server was lost while the call went on; the agent is started again by itself. If it happens often, look at the model server's status page.",
  no_permission:
    "The agent's user may not speak in this call: give its role in the call type the capability send-audio, or make it a host of the call.",
  backstage: "The call is in backstage: go live, and the agent comes by itself; or allow its role to join backstage.",
  e2ee: "The call is end-to-end encrypted, so no server can hear it: create calls for agents without encryption.",
  call_full:
    "The call has all the participants that its call type allows: raise max_participants, or ask for the agent earlier.",
};

/** What to do about this end; undefined where nothing has to be done. */
export const adviceOn = (reason: EndReason): string | undefined => advice[reason];
