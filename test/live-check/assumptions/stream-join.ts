import { type Assumption, differs, holds, judge, notSeen } from "../verdict.ts";
import { at, brief, framesOf, isGood, listOf, objectOf, plainJoins, rpcs } from "../views.ts";

const notPut = "the question was not put: see the steps";
/** Whoever may not join at all is no proof of why a join was refused. */
const noOtherJoin = "the same user's plain join did not succeed, so that this refusal tells nothing";
const notJoined = "nobody got so far as to join: see the steps";

/** Users, rights, tokens, the join. */
export const streamJoin: readonly Assumption[] = [
  {
    id: "stream.call-token",
    service: "stream",
    statement: "A call token (call_cids) suffices to join that call",
    source: "bridge-task/stream/coordinator.ts",
    ifWrong: "The join is refused (exit code 80). Join with a user token: #asUser mints it.",
    check: (seen) => {
      const joins = plainJoins(seen).filter(({ claims }) => listOf(claims?.call_cids).length > 0);
      const good = joins.find(({ status }) => isGood(status));
      if (good) return holds(`HTTP ${good.status}`);
      const last = joins.at(-1);
      return last ? differs(`HTTP ${last.status}: ${brief(last.response)}`) : notSeen(notJoined);
    },
  },
  {
    id: "stream.call-token-bound",
    service: "stream",
    statement: "A call token opens no other call than those that it lists",
    source: "bridge-task/stream/coordinator.ts",
    ifWrong: "The bridge works. A token that leaks is worth more than we say.",
    check: ({ noted: { foreignToken, capabilities } }) => {
      if (!foreignToken) return notSeen(notPut);
      const { status } = foreignToken;
      if (isGood(status)) return differs(`a token of another call: HTTP ${status}`);
      if (!capabilities) return notSeen(noOtherJoin);
      return status === 401 || status === 403
        ? holds(`a token of another call: HTTP ${status}`)
        : notSeen(`a token of another call: HTTP ${status}, which may have another reason`);
    },
  },
  {
    id: "stream.location-auto",
    service: "stream",
    statement: '`location: "auto"` is taken from a server',
    source: "bridge-task/stream/coordinator.ts",
    ifWrong: "The join is refused (exit code 80). Ask hint.stream-io-video.com for a location, as browsers do.",
    check: (seen) => {
      const joins = plainJoins(seen).filter(({ request }) => request?.location === "auto");
      const refused = joins.find(({ status, response }) => status === 400 && /location/i.test(brief(response)));
      if (refused) return differs(`HTTP 400: ${brief(refused.response)}`);
      const good = joins.some(({ status }) => isGood(status));
      return good ? holds("the join was answered") : notSeen(joins.length > 0 ? "no join succeeded" : notJoined);
    },
  },
  {
    id: "stream.partial-update",
    service: "stream",
    statement:
      "A user's custom fields stand at the top level of a partial update's `set`, and what it does not name stays",
    source: "bridge-task/stream/user.ts",
    ifWrong: "An existing user is not marked as an agent, and other agents hear it. Set the fields under `custom`.",
    check: ({ noted: { userAfterPatch: user } }) =>
      judge(
        user && user.custom.agent === true && user.custom.keeps === "this" && user.name === "Live check",
        `after setting { agent: true }: ${brief(user?.custom)}, name ${brief(user?.name)}`,
        "the user was not read back: see the steps",
      ),
  },
  {
    id: "stream.socket-keeps-user",
    service: "stream",
    statement:
      "Connecting the coordinator's socket with nothing but the user's id leaves the user's other fields alone",
    source: "bridge-task/stream/coordinator.ts",
    ifWrong: "An agent's user loses its name or image. State them in user_details.",
    check: (seen) => {
      const agent = seen.noted.names?.agent;
      const sockets = new Set(framesOf(seen, "coordinator", "in", "connection.ok").map(({ socket }) => socket));
      const isTaken = framesOf(seen, "coordinator", "out").some(
        ({ socket, event }) => sockets.has(socket) && at(event, "user_details", "id") === agent && agent !== undefined,
      );
      const user = seen.noted.userAfterSocket;
      if (!isTaken || user === undefined) return notSeen("the agent opened no socket, or could not be read back");
      const isWhole = user.name === "Live check" && user.custom.keeps === "this" && user.custom.agent === true;
      return judge(isWhole, `afterwards: ${brief(user.custom)}, name ${brief(user.name)}`, "");
    },
  },
  {
    id: "stream.grant-before-join",
    service: "stream",
    statement:
      "`updateUserPermissions` grants `send-audio` to a user who is not in the call yet, and the next join has it",
    source: "bridge-task/stream/admit.ts",
    ifWrong: "The agent ends with no_permission. Give its user a role that may speak, as a member of the call.",
    check: ({ noted: { capabilities } }) => {
      if (!capabilities) return notSeen("the rights could not be changed: see the steps");
      const { revoked, granted } = capabilities;
      if (revoked.includes("send-audio")) return differs("taking send-audio away had no effect on the next join");
      return granted.includes("send-audio")
        ? holds("taken away, given back, and the next joins had it so")
        : differs(`given back, yet the next join may only: ${brief(granted)}`);
    },
  },
  {
    id: "stream.backstage-refusal",
    service: "stream",
    statement: "A join is refused with 403 or 400 in backstage",
    source: "bridge-task/stream/admit.ts",
    ifWrong: "The reason in the record is join_failed, not backstage.",
    check: ({ noted: { backstageJoin: join, capabilities } }) => {
      if (!join) return notSeen(notPut);
      if (join.isAllowed) return notSeen("this app lets every user join backstage (join-backstage)");
      if (!capabilities) return notSeen(noOtherJoin);
      return judge(join.status === 403 || join.status === 400, `HTTP ${join.status}`, "");
    },
  },
  {
    id: "stream.rpc-protobuf-bearer",
    service: "stream",
    statement: "The SFU takes RPC in protobuf and a token as `Authorization: Bearer`",
    source: "bridge-task/stream/sfu-rpc.ts",
    ifWrong: "The join is refused (exit code 80). Stream's JavaScript client sends the same as JSON.",
    check: (seen) => {
      const sent = rpcs(seen).filter(({ contentType }) => contentType === "application/protobuf");
      // 0: given up at the end of a stay.
      const bad = sent.find(
        ({ status, authorization }) => (status !== 200 && status !== 0) || authorization !== "Bearer",
      );
      if (bad) return differs(`${bad.path.split("/").at(-1)}: HTTP ${bad.status} ${brief(bad.response)}`);
      const good = sent.filter(({ status }) => status === 200);
      return good.length > 0 ? holds(`${good.length} requests answered`) : notSeen(notJoined);
    },
  },
  {
    id: "stream.publish-options",
    service: "stream",
    statement: "The join response offers Opus for audio",
    source: "bridge-task/stream/sfu-connection.ts",
    ifWrong: "The agent cannot publish: see the call type's settings.",
    check: (seen) => {
      const joins = framesOf(seen, "sfu", "in", "joinResponse");
      const options = joins.flatMap(({ event }) => listOf(event.publishOptions)).map(objectOf);
      const audio = options.find(({ trackType }) => trackType === "TRACK_TYPE_AUDIO");
      if (joins.length === 0) return notSeen(notJoined);
      return judge(/opus/i.test(String(at(audio, "codec", "name"))), `audio: ${brief(audio)}`, "");
    },
  },
  {
    id: "stream.fast-reconnect-deadline",
    service: "stream",
    statement: "A participant whose socket was lost stays in the call for 25 s (fast_reconnect_deadline_seconds)",
    source: "test/cloud/stream/index.ts",
    ifWrong: "Only the tests know of it today. Set fastReconnectDeadlineSeconds of the stand-in to what was seen.",
    check: (seen) => {
      const join = framesOf(seen, "sfu", "in", "joinResponse")[0];
      if (!join) return notSeen(notJoined);
      const seconds = join.event.fastReconnectDeadlineSeconds ?? 0;
      return judge(seconds === 25, `${brief(seconds)} s`, "");
    },
  },
];
