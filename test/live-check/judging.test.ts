import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { assumptions, judgeAll } from "./assumptions.ts";
import { type Frame, nothingSeen, type Observations } from "./observations.ts";
import { objectOf } from "./views.ts";

const folder = import.meta.dirname;
const recordedLines = readFileSync(path.join(folder, "recorded-run.jsonl"), "utf8").trim().split("\n");
const documentation = readFileSync(path.join(folder, "../../docs/live-check.md"), "utf8");

interface RecordedLine {
  frame?: Frame;
  exchange?: Observations["exchanges"][0];
  step?: Observations["steps"][0];
  noted?: Observations["noted"];
}

/** What a run against the local cloud saw; a copy for each test. */
const recorded = (): Observations => {
  const seen = nothingSeen();
  for (const line of recordedLines) {
    const { frame, exchange, step, noted } = JSON.parse(line) as RecordedLine;
    if (frame) seen.frames.push(frame);
    if (exchange) seen.exchanges.push(exchange);
    if (step) seen.steps.push(step);
    if (noted) seen.noted = noted;
  }
  return seen;
};

const verdictOf = (id: string, seen: Observations) => judgeAll(seen, ["stream", "openai"]).find((row) => row.id === id);

/** What no run can see, whatever the service does. */
const unseeable = new Set([
  "stream.webhook-signature",
  "stream.webhook-retries",
  "stream.ring-webhook",
  "stream.full-and-encrypted",
  "stream.call-type-rights",
  "stream.connect-agent",
  "openai.no-quota",
  "openai.sessions-at-once",
  "openai.sideband",
]);

const incoming = ({ frames }: Observations, type: string): Frame[] =>
  frames.filter((frame) => frame.type === type && frame.direction === "in");

const changeEach = (seen: Observations, type: string, change: (event: Frame["event"]) => unknown): void => {
  for (const { event } of incoming(seen, type)) change(event);
};

const without = (seen: Observations, isGone: (frame: Frame) => boolean): void => {
  seen.frames = seen.frames.filter((frame) => !isGone(frame));
};

const eachExchange = (
  seen: Observations,
  part: string,
  change: (exchange: Observations["exchanges"][0]) => unknown,
) => {
  for (const exchange of seen.exchanges) if (exchange.path.includes(part)) change(exchange);
};

const eachJoin = (seen: Observations, change: (exchange: Observations["exchanges"][0]) => unknown): void =>
  eachExchange(seen, "/join", change);

const error = (code: string, param: string | null = null) => ({
  type: "error",
  code,
  param,
  message: "told by the test",
  namesEvent: true,
});

const replaceInOffers = (seen: Observations, what: RegExp, by: string): void => {
  for (const { event } of incoming(seen, "subscriberOffer")) event.sdp = String(event.sdp).replaceAll(what, by);
};

/** For each assumption, what the service would have to do otherwise. */
const otherwise: Record<string, (seen: Observations) => void> = {
  "stream.call-token": (seen) => eachJoin(seen, (join) => Object.assign(join, { status: 403 })),
  "stream.call-token-bound": ({ noted }) => Object.assign(noted, { foreignToken: { status: 200 } }),
  "stream.location-auto": (seen) =>
    eachJoin(seen, (join) => Object.assign(join, { status: 400, response: { message: "location is not valid" } })),
  "stream.partial-update": ({ noted }) => Object.assign(noted, { userAfterPatch: { custom: { agent: true } } }),
  "stream.socket-keeps-user": ({ noted }) => Object.assign(noted, { userAfterSocket: { custom: {} } }),
  "stream.grant-before-join": ({ noted }) => Object.assign(noted, { capabilities: { revoked: [], granted: [] } }),
  "stream.backstage-refusal": ({ noted }) => Object.assign(noted, { backstageJoin: { status: 201 } }),
  "stream.rpc-protobuf-bearer": (seen) =>
    eachExchange(seen, "SignalServer/", (one) => Object.assign(one, { status: 401 })),
  "stream.publish-options": (seen) =>
    changeEach(seen, "joinResponse", (event) => Object.assign(event, { publishOptions: [] })),
  "stream.fast-reconnect-deadline": (seen) =>
    changeEach(seen, "joinResponse", (event) => Object.assign(event, { fastReconnectDeadlineSeconds: 10 })),
  "stream.audio-arrives": ({ noted }) => Object.assign(noted, { packets: { agentHeard: 0, callerHeard: 500 } }),
  "stream.audio-unasked": ({ noted }) => Object.assign(noted, { unaskedPackets: 0 }),
  "stream.opus-offer": (seen) =>
    eachExchange(seen, "/SetPublisher", (one) =>
      Object.assign(one, { response: { sdp: "m=audio 9\r\na=rtpmap:111 opus/48000/2\r\n" } }),
    ),
  "stream.speaking-shown": (seen) => without(seen, ({ type }) => type === "audioLevelChanged"),
  "stream.voice-within-500ms": ({ noted }) => Object.assign(noted, { voiceAfterMs: 900 }),
  "stream.subscriber-offers": (seen) => replaceInOffers(seen, /a=(sendrecv|sendonly)/g, "a=inactive"),
  "stream.track-names": (seen) => replaceInOffers(seen, /:TRACK_TYPE_AUDIO/g, ":2"),
  "stream.turn-udp": (seen) =>
    eachJoin(seen, (join) => Object.assign(objectOf(join.response), { iceUrls: ["turn:a.example:443?transport=tcp"] })),
  "stream.sfu-health": (seen) => without(seen, ({ type }) => type === "healthCheckResponse"),
  "stream.kick-or-block": ({ noted }) => Object.assign(noted, { guestOut: { cause: "kicked" } }),
  "stream.end-reaches-agent": ({ noted }) => Object.assign(noted, { agentOut: { reason: "idle" } }),
  "stream.coordinator-socket": (seen) =>
    without(seen, ({ service, type }) => service === "coordinator" && /^(call\.|custom$)/.test(type)),
  "stream.custom-event": ({ noted }) => Object.assign(noted, { customEventReceived: false }),
  "stream.custom-event-of-nobody": ({ noted }) => Object.assign(noted, { nobodysEvent: { status: 201 } }),
  "stream.session-started-carries-call": (seen) =>
    changeEach(seen, "call.session_started", (event) => Object.assign(event, { call: { custom: {} } })),
  "stream.participant-joined-without-call": (seen) =>
    changeEach(seen, "call.session_participant_joined", (event) => Object.assign(event, { call: {} })),
  "openai.default-session": (seen) => {
    const sent = seen.frames.find(({ type, direction }) => type === "session.update" && direction === "out");
    const event = { error: { event_id: "lost-voice", code: "invalid_value", param: "session.audio.output.voice" } };
    if (!sent) return;
    sent.event.event_id = "lost-voice";
    seen.frames.push({ ...sent, direction: "in", type: "error", event });
  },
  "openai.default-silence": (seen) => {
    for (const { event } of incoming(seen, "session.created")) {
      const { input } = objectOf(objectOf(event.session).audio);
      objectOf(objectOf(input).turn_detection).silence_duration_ms = 200;
    }
  },
  "openai.error-names-setting": ({ noted }) =>
    Object.assign(noted.probes, { "unknown setting": error("unknown_parameter") }),
  "openai.unknown-voice": ({ noted }) => Object.assign(noted.probes, { "unknown voice": error("invalid_value") }),
  "openai.update-is-whole": (seen) =>
    changeEach(seen, "session.updated", (event) => Object.assign(objectOf(event.session), { max_output_tokens: 333 })),
  "openai.idle-timeout-bounds": ({ noted }) =>
    Object.assign(noted.probes, { "idle timeout 4999": { type: "session.updated" } }),
  "openai.mistake-codes": ({ noted }) => Object.assign(noted.probes, { "commit of nothing": error("empty") }),
  "openai.wrong-key": ({ noted }) =>
    Object.assign(noted.refusals, { "wrong key": { opened: false, reason: "model_lost", code: "unauthorized" } }),
  "openai.unknown-model": ({ noted }) =>
    Object.assign(noted.refusals, { "unknown model": { opened: false, reason: "model_lost", code: "no_such_model" } }),
  "openai.rate-limits": (seen) => without(seen, ({ type }) => type === "rate_limits.updated"),
  "openai.one-response": ({ noted }) =>
    Object.assign(noted.probes, { "second response": { type: "response.created" } }),
  "openai.aside": ({ noted }) => Object.assign(noted.probes, { "aside beside a response": error("invalid_value") }),
  "openai.output-beside-response": ({ noted }) =>
    Object.assign(noted.probes, { "output beside a response": error("conversation_already_has_active_response") }),
  "openai.voice-is-locked": ({ noted }) =>
    Object.assign(noted.probes, { "voice after sound": { type: "session.updated" } }),
  "openai.truncate": ({ noted }) => Object.assign(noted.probes, { truncate: error("invalid_value") }),
  "openai.delete-spoken-item": ({ noted }) =>
    Object.assign(noted.probes, { "delete of a spoken item": error("item_delete_invalid_item_id") }),
  "openai.cut-call": ({ noted }) => Object.assign(noted.probes, { "delete of a cut call": error("invalid_value") }),
  "openai.item-done-order": (seen) => without(seen, ({ type }) => type === "conversation.item.done"),
  "openai.interruption": ({ noted }) => Object.assign(noted, { bargeIn: { silentAfterMs: 4_000 } }),
  "openai.heard-is-told": (seen) => {
    const sent = seen.frames.find(
      ({ type, direction }) => type === "conversation.item.truncate" && direction === "out",
    );
    if (!sent) return;
    sent.event.event_id = "lost-cut";
    seen.frames.push({
      ...sent,
      direction: "in",
      type: "error",
      event: { error: { event_id: "lost-cut", code: "invalid_value" } },
    });
  },
  "openai.transcription": (seen) => without(seen, ({ type }) => type.includes("input_audio_transcription")),
  "openai.tool-call": ({ noted }) => Object.assign(noted, { answerAfterTool: false }),
  "openai.greeting-and-answer": ({ noted }) => Object.assign(noted, { greetingHeard: false }),
};

test.each(Object.keys(otherwise))("%s differs where the service does otherwise", (id) => {
  const seen = recorded();
  expect(verdictOf(id, seen)?.verdict).not.toBe("differs");
  otherwise[id]?.(seen);
  const row = verdictOf(id, seen);
  expect(row).toMatchObject({ verdict: "differs" });
  expect(row?.seen).not.toBe("");
});

/** What looks like a yes and is none: the thing itself was not observed. */
const unproven: Record<string, (seen: Observations) => unknown> = {
  "a call token refused to somebody who may not join at all: stream.call-token-bound": ({ noted }) =>
    Reflect.deleteProperty(noted, "capabilities"),
  "a call token refused for too many requests: stream.call-token-bound": ({ noted }) =>
    Object.assign(noted, { foreignToken: { status: 429 } }),
  "a socket that was not taken: stream.socket-keeps-user": (seen) =>
    without(seen, ({ type }) => type === "connection.ok"),
  "backstage refused to somebody who may not join at all: stream.backstage-refusal": ({ noted }) =>
    Reflect.deleteProperty(noted, "capabilities"),
  "sound that was not withheld: stream.audio-unasked": ({ noted }) => Reflect.deleteProperty(noted, "unaskedPackets"),
  "a health check at the end of a stay: stream.sfu-health": (seen) => {
    without(seen, ({ type }) => type === "healthCheckResponse");
    const isLater = (frame: Frame) => frame.service === "sfu" && frame.type !== "healthCheckRequest";
    const asked = seen.frames.find(({ type }) => type === "healthCheckRequest")?.atMs ?? 0;
    without(seen, (frame) => isLater(frame) && frame.atMs > asked + 10_000);
  },
  "events without a request to watch: stream.coordinator-socket": (seen) => {
    seen.exchanges = seen.exchanges.filter(({ method }) => method !== "GET");
  },
  "an event of nobody, where nobody's events are taken: stream.custom-event-of-nobody": ({ noted }) =>
    Reflect.deleteProperty(noted, "customEventReceived"),
  "a later update that was refused, too: openai.update-is-whole": ({ noted }) =>
    Object.assign(noted.probes, { "update after it": error("server_error") }),
  "echoes without the setting: openai.update-is-whole": (seen) =>
    changeEach(seen, "session.updated", ({ session }) =>
      Reflect.deleteProperty(objectOf(session), "max_output_tokens"),
    ),
  "one of the mistakes without an answer: openai.mistake-codes": ({ noted }) =>
    Object.assign(noted.probes, { "commit of nothing": { type: "none" } }),
  "a story that was over before: openai.interruption": (seen) =>
    without(seen, ({ event }) => objectOf(event.response).status === "cancelled"),
  "a truncation without an answer: openai.heard-is-told": (seen) =>
    without(seen, ({ type }) => type === "conversation.item.truncated"),
};

test.each(Object.keys(unproven))("%s is not taken for proven", (name) => {
  const id = name.split(": ").at(-1) ?? "";
  const seen = recorded();
  expect(verdictOf(id, seen)?.verdict).toBe("holds");
  unproven[name]?.(seen);
  expect(verdictOf(id, seen)?.verdict).toBe("not seen");
});

test("a truncation that got an error in its place differs, though the error names no event", () => {
  const seen = recorded();
  const [taken] = incoming(seen, "conversation.item.truncated");
  if (taken) Object.assign(taken, { type: "error", event: { error: { code: "invalid_value" } } });
  expect(verdictOf("openai.heard-is-told", seen)).toMatchObject({
    verdict: "differs",
    seen: expect.stringContaining("invalid_value"),
  });
});

test("one health check that is not answered in time differs, however many others are", () => {
  const seen = recorded();
  const asked = seen.frames.find(({ type }) => type === "healthCheckRequest");
  seen.frames = seen.frames.filter(({ type, socket }) => type !== "healthCheckResponse" || socket !== asked?.socket);
  expect(verdictOf("stream.sfu-health", seen)).toMatchObject({ verdict: "differs", seen: "1 answers to 2" });
});

test("every assumption can differ, or says that no run can see it", () => {
  const ids = assumptions.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !unseeable.has(id)).toSorted()).toEqual(Object.keys(otherwise).toSorted());
  for (const id of unseeable) expect(verdictOf(id, recorded())).toMatchObject({ verdict: "not seen" });
});

test("a run that got nowhere says of nothing that it holds or differs", () => {
  const rows = judgeAll(nothingSeen(), ["stream", "openai"]);
  expect(rows.filter(({ verdict }) => verdict !== "not seen")).toEqual([]);
  for (const { seen } of rows) expect(seen).not.toBe("");
});

test("the recorded run holds wherever its stand-in takes no name for another", () => {
  const rows = judgeAll(recorded(), ["stream", "openai"]);
  expect(rows.filter(({ verdict }) => verdict === "differs")).toEqual([]);
  expect(rows.filter(({ verdict }) => verdict === "holds").length).toBeGreaterThan(40);
});

test("a question about two things at once counts only if the first was still under way", () => {
  const seen = recorded();
  const aside = seen.frames.findIndex(
    ({ direction, event }) => direction === "out" && objectOf(objectOf(event.response).metadata).is === "aside",
  );
  const { socket } = seen.frames[aside] ?? { socket: 0 };
  const active = seen.frames
    .filter((frame) => frame.socket === socket && frame.type === "response.created")
    .slice(0, 1);
  const ended = active.map((frame) => ({ ...frame, type: "response.done" }));
  seen.frames.splice(aside, 0, ...ended);
  expect(verdictOf("openai.aside", seen)).toMatchObject({ verdict: "not seen" });
});

test("the documentation has a row for every assumption, in its words", () => {
  const rows = documentation.split("\n").filter((line) => /^\| `(stream|openai)\./.test(line));
  const cells = rows.map((row) => row.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "")));
  expect(cells.map(([id, statement, , ifWrong]) => [id, statement, ifWrong])).toEqual(
    assumptions.map(({ id, statement, ifWrong, source }) => [`\`${id}\``, statement, `${ifWrong} \`${source}\``]),
  );
});

test("the places that assumptions name are there", () => {
  const lost = assumptions.filter(({ source }) => !existsSync(path.join(folder, "../..", source)));
  expect(lost.map(({ id }) => id)).toEqual([]);
});
