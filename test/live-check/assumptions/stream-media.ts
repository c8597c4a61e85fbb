import type { Observations } from "../observations.ts";
import { type Assumption, differs, holds, judge, notSeen } from "../verdict.ts";
import { at, brief, framesOf, listOf, objectOf, rpcs } from "../views.ts";

const notHeard = "nobody got so far as to be heard: see the steps";
const reachableMs = 500;
const healthMs = 12_000;

const offersOf = (seen: Observations): string[] =>
  framesOf(seen, "sfu", "in", "subscriberOffer").map(({ event }) => String(event.sdp ?? ""));

const turnUrlsOf = ({ exchanges }: Observations): string[] => [
  ...new Set(
    exchanges
      .filter(({ path }) => path.endsWith("/join"))
      .flatMap(({ response }) => listOf(response?.iceUrls).map(String))
      // The kind is judged; the address is nobody's business.
      .map((url) => url.replace(/^(\w+:)[^?]*/, "$1…")),
  ),
];

/** Each question with whether it was answered in time; those at the end of a stay, whose time was not up, are left out. */
const healthChecksOf = (seen: Observations): boolean[] =>
  framesOf(seen, "sfu", "out", "healthCheckRequest").flatMap(({ socket, atMs }) => {
    const later = framesOf(seen, "sfu", "in").filter((frame) => frame.socket === socket && frame.atMs >= atMs);
    const isAnswered = later.some((frame) => frame.type === "healthCheckResponse" && frame.atMs <= atMs + healthMs);
    const lasted = (later.at(-1)?.atMs ?? atMs) > atMs + healthMs;
    return isAnswered || lasted ? [isAnswered] : [];
  });

/** Sound in both directions, and what is negotiated for it. */
export const streamMedia: readonly Assumption[] = [
  {
    id: "stream.audio-arrives",
    service: "stream",
    statement:
      "The SFU forwards audio to a server-side participant that subscribes explicitly, or does so unasked; we do both",
    source: "bridge-task/stream/subscriptions.ts",
    ifWrong: "The agent hears nobody.",
    check: ({ noted: { packets } }) =>
      judge(
        packets && packets.agentHeard > 0 && packets.callerHeard > 0,
        `${packets?.agentHeard} packets reached the agent, ${packets?.callerHeard} the caller`,
        notHeard,
      ),
  },
  {
    id: "stream.audio-unasked",
    service: "stream",
    statement: "The SFU sends everybody's audio unasked as well",
    source: "bridge-task/stream/subscriptions.ts",
    ifWrong:
      "The bridge works: it asks. A request of it that fails is then no trifle: the agent is deaf until the next one.",
    check: ({ noted: { unaskedPackets: count } }) =>
      judge(
        count === undefined ? undefined : count > 0,
        `${count} packets came to a participant whose subscriptions were withheld`,
        "no such participant joined: see the steps",
      ),
  },
  {
    id: "stream.opus-offer",
    service: "stream",
    statement: "The SFU accepts an offer of Opus alone, with the audio level and mid header extensions",
    source: "bridge-task/stream/publisher.ts",
    ifWrong: "Nobody hears the agent, or it is never shown as speaking.",
    check: (seen) => {
      const answers = rpcs(seen, "SetPublisher").map(({ response }) => String(response?.sdp ?? ""));
      const answer = answers.find((sdp) => sdp !== "");
      if (answers.length === 0) return notSeen(notHeard);
      const parts = { opus: /opus\/48000/i, "audio level": /ssrc-audio-level/, mid: /sdes:mid/ };
      const missing = Object.entries(parts).filter(([, pattern]) => !pattern.test(answer ?? ""));
      return missing.length === 0
        ? holds("all of it is in the answer")
        : differs(`the answer lacks: ${missing.map(([name]) => name).join(", ")}`);
    },
  },
  {
    id: "stream.speaking-shown",
    service: "stream",
    statement: "The SFU shows the agent as speaking, by the level in its packets",
    source: "bridge-task/stream/publisher.ts",
    ifWrong: "Apps do not mark the agent when it speaks; agent.state tells it all the same.",
    check: (seen) => {
      const { agent, caller } = seen.noted.names ?? {};
      const levels = framesOf(seen, "sfu", "in", "audioLevelChanged").filter(({ user }) => user === caller);
      const ofAgent = levels
        .flatMap(({ event }) => listOf(event.audioLevels).map(objectOf))
        .filter((l) => l.userId === agent);
      if (seen.noted.greetingHeard !== true) return notSeen(notHeard);
      return judge(
        ofAgent.some(({ isSpeaking }) => isSpeaking === true),
        `${ofAgent.length} levels of the agent`,
        "",
      );
    },
  },
  {
    id: "stream.voice-within-500ms",
    service: "stream",
    statement: "Our voice reaches a person within 500 ms of both being in the call",
    source: "bridge-task/attendance.ts",
    ifWrong: "The first word of the greeting is lost. Raise reachableAfterMs above what was seen.",
    check: ({ noted: { voiceAfterMs: ms } }) =>
      judge(ms === undefined ? undefined : ms <= reachableMs, `after ${ms} ms`, notHeard),
  },
  {
    id: "stream.subscriber-offers",
    service: "stream",
    statement: "The SFU offers audio that it sends (sendrecv or sendonly) as Opus; whether ice-lite does not matter",
    source: "bridge-task/stream/subscriber.ts",
    ifWrong: "Offers cannot be answered, and the agent hears nobody.",
    check: (seen) => {
      const offers = offersOf(seen);
      if (offers.length === 0) return notSeen("the SFU made no offer");
      const sections = offers.flatMap((sdp) => sdp.split(/^(?=m=)/m).filter((part) => part.startsWith("m=audio")));
      const directions = new Set(sections.map((part) => /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(part)?.[1]));
      const lite = offers.some((sdp) => /^a=ice-lite/m.test(sdp));
      const isOpus = sections.some((part) => /opus\/48000/i.test(part));
      const sends = directions.has("sendrecv") || directions.has("sendonly");
      return judge(isOpus && sends, `${[...directions].join(", ")}; ${lite ? "ice-lite" : "not ice-lite"}`, "");
    },
  },
  {
    id: "stream.track-names",
    service: "stream",
    statement: "A track's stream is named `<track lookup prefix>:TRACK_TYPE_AUDIO:…`",
    source: "bridge-task/stream/participants.ts",
    ifWrong: "Sound cannot be told apart by speaker, and is dropped.",
    check: (seen) => {
      const names = offersOf(seen).flatMap((sdp) =>
        [...sdp.matchAll(/^a=msid:(\S+)/gm)].map((match) => match[1] ?? ""),
      );
      if (names.length === 0) return notSeen("no offer named a track");
      const odd = names.find((name) => !/^[^:]+:TRACK_TYPE_[A-Z_]+(:|$)/.test(name));
      return odd === undefined ? holds(`${names.length} tracks`) : differs(brief(odd.replace(/[\w-]{8,}/g, "…")));
    },
  },
  {
    id: "stream.turn-udp",
    service: "stream",
    statement: "Of TURN servers one that speaks UDP is named first; werift uses only the first of the list",
    source: "bridge-task/stream/peer.ts",
    ifWrong: "No media where UDP to the SFU is closed. Sort the list in bridge-task/stream/join-response.ts.",
    check: (seen) => {
      const kinds = turnUrlsOf(seen);
      const turn = kinds.filter((url) => url.startsWith("turn"));
      if (turn.length === 0) return notSeen(`no TURN server was named: ${brief(kinds)}`);
      const first = turn[0] ?? "";
      return judge(first.startsWith("turn:") && !/transport=(tcp|tls)/.test(first), brief(kinds), "");
    },
  },
  {
    id: "stream.sfu-health",
    service: "stream",
    statement: "The SFU answers health checks within 12 s",
    source: "bridge-task/stream/sfu-socket.ts",
    ifWrong: "The socket counts as lost, and the agent leaves.",
    check: (seen) => {
      const checks = healthChecksOf(seen);
      const answered = checks.filter(Boolean).length;
      const isAnswered = checks.length === 0 ? undefined : answered === checks.length;
      return judge(isAnswered, `${answered} answers to ${checks.length}`, "nobody stayed long enough to ask");
    },
  },
  {
    id: "stream.kick-or-block",
    service: "stream",
    statement: "`blocked_user_ids` names the agent by the time the SFU tells that it was kicked",
    source: "bridge-task/stream/call-event-feed.ts",
    ifWrong: "A block is recorded as a kick; both are final for the session.",
    check: ({ noted: { guestOut } }) =>
      judge(
        guestOut && guestOut.cause === "blocked",
        `a blocked participant left as: ${guestOut?.cause}`,
        "nobody was blocked",
      ),
  },
  {
    id: "stream.end-reaches-agent",
    service: "stream",
    statement: "The end of a call reaches who is in it, as the end of the call",
    source: "bridge-task/stream/verdict.ts",
    ifWrong: "The agent stays until nobody is there for 15 s, and its record names another reason.",
    check: (seen) => {
      const { agentOut } = seen.noted;
      const { agent } = seen.noted.names ?? {};
      const told = framesOf(seen, "sfu", "in", "callEnded").filter(({ user }) => user === agent);
      const bySfu = told.map(({ event }) => at(event, "reason"));
      const detail = `the agent left as: ${agentOut?.reason}; the SFU said: ${brief([...new Set(bySfu)])}`;
      return judge(agentOut && agentOut.reason === "call_ended", detail, "the call was not ended: see the steps");
    },
  },
];
