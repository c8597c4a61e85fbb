import type { Observations } from "../observations.ts";
import { type Assumption, differs, holds, judge, notSeen } from "../verdict.ts";
import { brief, framesOf, isGood, isRefused, objectOf } from "../views.ts";

const hook =
  "webhooks need a URL that Stream reaches. After a deploy: npm run agents -- logs, and the webhook log of Stream's dashboard";

const eventsOf = (seen: Observations, type: string): Record<string, unknown>[] =>
  framesOf(seen, "coordinator", "in", type).map(({ event }) => event);

/** Rows that this run cannot see: without a public URL, or because nobody would want to make it happen. */
const unseen = (id: string, statement: string, source: string, ifWrong: string, how: string): Assumption => ({
  id,
  service: "stream",
  statement,
  source,
  ifWrong,
  check: () => notSeen(how),
});

/** What the coordinator tells, on its socket and by webhooks. */
export const streamEvents: readonly Assumption[] = [
  {
    id: "stream.coordinator-socket",
    service: "stream",
    statement:
      "The coordinator's WebSocket takes a user token and sends a call's events after a GET with its `connection_id`",
    source: "bridge-task/stream/coordinator-socket.ts",
    ifWrong: "Call events come only where the SFU tells of them (joins, leaves, the end).",
    check: (seen) => {
      const errors = eventsOf(seen, "connection.error");
      if (errors.length > 0) return differs(`refused: ${brief(errors[0]?.error)}`);
      // As a user; what a server asks watches nothing.
      const asked = seen.exchanges.filter(
        ({ method, path, claims }) => method === "GET" && /\/call\/[^/]+\/[^/]+$/.test(path) && claims?.user_id,
      );
      const refused = asked.find(({ status }) => isRefused(status));
      if (refused) return differs(`a request to watch: HTTP ${refused.status}, ${brief(refused.response)}`);
      const watched = asked.filter(({ status }) => isGood(status));
      if (eventsOf(seen, "connection.ok").length === 0 || watched.length === 0) {
        return notSeen("no socket was opened, or no call was watched: see the steps");
      }
      const types = new Set(
        framesOf(seen, "coordinator", "in").flatMap(({ type }) => (/^(call\.|custom$)/.test(type) ? [type] : [])),
      );
      return judge(types.size > 0, `${types.size} types of events, ${watched.length} requests to watch`, "");
    },
  },
  {
    id: "stream.custom-event",
    service: "stream",
    statement:
      "A custom event may be sent for an agent's user by a server (`POST …/event` with `user_id`), and people get it",
    source: "functions/dispatch/announce-joining.ts",
    ifWrong: "People are not told that an agent is coming, nor what it does.",
    check: ({ noted: { customEventReceived } }) =>
      judge(
        customEventReceived,
        customEventReceived ? "received" : "sent, and not received within 5 s",
        "none was sent",
      ),
  },
  {
    id: "stream.custom-event-of-nobody",
    service: "stream",
    statement: "A custom event is refused with 4xx where its user does not exist",
    source: "functions/dispatch/announce-joining.ts",
    ifWrong: "Nothing: the user is then not created before the first event.",
    check: ({ noted: { nobodysEvent: event, customEventReceived } }) => {
      if (!event) return notSeen("the question was not put: see the steps");
      if (isGood(event.status)) return differs(`HTTP ${event.status}`);
      if (customEventReceived === undefined) return notSeen("no event of a user that exists was taken, either");
      return isRefused(event.status) ? holds(`HTTP ${event.status}`) : notSeen(`HTTP ${event.status}`);
    },
  },
  {
    id: "stream.session-started-carries-call",
    service: "stream",
    statement:
      "`call.created`, `call.session_started` and `call.live_started` carry the call with `custom`, `backstage`, `starts_at` and `settings.encryption`",
    source: "functions/dispatch/facts.ts",
    ifWrong: "An agent asks to join a call that it cannot be in yet, and ends with a reason.",
    check: (seen) => {
      const types = ["call.created", "call.session_started", "call.live_started"];
      const events = types.flatMap((type) => eventsOf(seen, type));
      if (events.length === 0) return notSeen(`none came over the socket; ${hook}`);
      const missing = events.flatMap(({ call }) => {
        const { custom, backstage, settings } = objectOf(call);
        const parts = { call, custom, backstage, "settings.encryption": objectOf(settings).encryption };
        return Object.entries(parts).flatMap(([name, value]) => (value === undefined ? [name] : []));
      });
      return missing.length === 0
        ? holds(`${types.filter((type) => eventsOf(seen, type).length > 0).join(", ")}, over the socket`)
        : differs(`lacking: ${[...new Set(missing)].join(", ")}`);
    },
  },
  {
    id: "stream.participant-joined-without-call",
    service: "stream",
    statement: "`call.session_participant_joined` carries no call",
    source: "functions/dispatch/decide.ts",
    ifWrong: "Better than assumed: an agent that went could be brought back without a look at the table.",
    check: (seen) => {
      const events = eventsOf(seen, "call.session_participant_joined");
      if (events.length === 0) return notSeen(`none came over the socket; ${hook}`);
      const keys = [...new Set(events.flatMap((event) => Object.keys(event)))];
      return judge(!keys.includes("call"), `its fields: ${keys.join(", ")}`, "");
    },
  },
  unseen(
    "stream.webhook-signature",
    "A webhook's signature is the lower-case hex HMAC-SHA256 of the uncompressed body",
    "functions/envelope.ts",
    "401 for every event. Compare the hook's signing in Stream's documentation with functions/envelope.ts.",
    hook,
  ),
  unseen(
    "stream.webhook-retries",
    "A webhook is retried a few times within 15 s; whether bodies are compressed does not matter",
    "functions/envelope.ts",
    "A delivery that failed is made up for later, by the next event of the call or by the sweeper.",
    hook,
  ),
  unseen(
    "stream.ring-webhook",
    "`call.ring` is sent to webhooks",
    "functions/dispatch/decide.ts",
    "An agent enters a ringing call before somebody has accepted.",
    hook,
  ),
  unseen(
    "stream.full-and-encrypted",
    "A join is refused with 403 or 400 with end-to-end encryption; a full SFU answers 700, a full call 301",
    "bridge-task/stream/verdict.ts",
    "The reason in the record is join_failed.",
    "it would take an app with end-to-end encryption, and a call with as many people as it holds; a record with join_failed shows it",
  ),
  unseen(
    "stream.call-type-rights",
    "Capabilities and microphone defaults of `audio_room` and `livestream` are as we remember them",
    "test/cloud/stream/coordinator/capabilities.ts",
    "Only the tests know of them.",
    "each app may change them; compare the dashboard's roles and permissions with the stand-in's table",
  ),
  unseen(
    "stream.connect-agent",
    "Stream's own `connect_agent` still fails, so that nobody runs two agents in one call",
    "bridge-task/connect-open-ai.ts",
    "Whoever still calls Stream's own connectOpenAi gets a second agent: call ours in its place.",
    "it would start an agent of Stream's own, at its price; the import of an application tells which one is called",
  ),
];
