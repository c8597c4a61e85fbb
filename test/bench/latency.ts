import { voiceDbfs } from "../caller/ear.ts";
import type { Said } from "../caller/mouth.ts";
import { isVoice, type Person } from "../caller/person.ts";
import { type CloudEvent, epochMs } from "../cloud/event-log.ts";
import { type Cloud, startCloud } from "../cloud/index.ts";
import { sharedBundles } from "../support/bundles.ts";
import { signal } from "../support/signals.ts";
import { packetLatencies } from "./align.ts";
import { agentUserId, BenchCall, type DecodedPacket, decodePackets, type Progress } from "./cloud-under-test.ts";
import { cpuPercentBetween, type ProcessUsage, usageOf } from "./process-usage.ts";
import type { Result } from "./report.ts";
import { spreadOf } from "./statistics.ts";

const waitMs = 15_000;
/** The agent is interrupted after this much of its answer, in turn: some of them while the model still generates, some later. */
const patiencesMs = [600, 900, 1_200, 1_500];
const utterancesMs = [700, 850, 1_000];
const replyMs = 8_000;
/** The agent counts as interrupted only if it was heard just before. */
const speakingWithinMs = 100;
/** From the person's sending a packet to its arrival at the SFU, at most. */
const onTheWayMs = 40;
const usageIntervalMs = 2_000;

interface Talk {
  said: Said[];
  usages: ProcessUsage[];
}

/** One person and the agent take turns; from the second turn on the person interrupts. */
const hold = async (call: BenchCall, person: Person, turns: number, progress: Progress): Promise<Talk> => {
  await person.hears(isVoice, waitMs, "the greeting", 0);
  const pid = call.cloud.aws.tasks().find(({ startedBy }) => startedBy === `default/${call.call.id}`)?.pid;
  if (pid === undefined) throw new Error("the agent has no process");
  const usages = [await usageOf(pid)];
  const said: Said[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const utterance = await person.say(signal(`utterance ${turn}`, utterancesMs[turn % utterancesMs.length]));
    said.push(utterance);
    const answer = await person.hears(isVoice, waitMs, "an answer", utterance.lastPacketAtMs + speakingWithinMs);
    const patienceMs = patiencesMs[turn % patiencesMs.length] ?? 0;
    await person.hears(({ atMs }) => atMs >= answer.atMs + patienceMs, waitMs, "more of the answer");
    if (epochMs() - (usages.at(-1)?.atMs ?? 0) > usageIntervalMs) usages.push(await usageOf(pid));
    if ((turn + 1) % 5 === 0) progress(`turn ${turn + 1} of ${turns}`);
  }
  usages.push(await usageOf(pid));
  return { said, usages };
};

const between = (packets: readonly DecodedPacket[], fromMs: number, toMs: number): DecodedPacket[] =>
  packets.filter(({ arrivalMs }) => arrivalMs >= fromMs && arrivalMs < toMs);

const isVoiced = ({ dbfs }: DecodedPacket): boolean => dbfs > voiceDbfs;

/** From the first packet with voice to the last: short pauses inside belong to the utterance. */
const withoutSilentEnds = (packets: readonly DecodedPacket[]): DecodedPacket[] =>
  packets.slice(Math.max(0, packets.findIndex(isVoiced)), packets.findLastIndex(isVoiced) + 1);

/** First audio of each response → the agent's first packet with voice. */
export const deltaToPacket = (firstDeltasMs: readonly number[], agent: readonly DecodedPacket[]): number[] =>
  firstDeltasMs.flatMap((atMs) => {
    const packet = agent.find((candidate) => candidate.arrivalMs >= atMs && isVoiced(candidate));
    return packet ? [packet.arrivalMs - atMs] : [];
  });

/** `speech_started` → the agent's last packet with voice before its next answer. */
export const bargeInToSilence = (
  startsMs: readonly number[],
  firstDeltasMs: readonly number[],
  agent: readonly DecodedPacket[],
): number[] =>
  startsMs.flatMap((atMs) => {
    const answerMs = firstDeltasMs.find((deltaMs) => deltaMs > atMs) ?? Number.POSITIVE_INFINITY;
    const last = between(agent, atMs - speakingWithinMs, answerMs).findLast(isVoiced);
    return last ? [last.arrivalMs - atMs] : [];
  });

const firstDeltas = (events: readonly CloudEvent[]): number[] => {
  const firsts = new Map<unknown, number>();
  for (const { type, data, atMs } of events) {
    if (type !== "server.response.output_audio.delta") continue;
    const { response_id: responseId } = data.event as { response_id?: unknown };
    if (!firsts.has(responseId)) firsts.set(responseId, atMs);
  }
  return [...firsts.values()];
};

const evaluate = async (call: BenchCall, { said, usages }: Talk): Promise<Result> => {
  const { cloud } = call;
  const session = cloud.openai.sessions().at(-1);
  const [first, last] = [usages[0], usages.at(-1)];
  if (!session || !first || !last) throw new Error("the call left nothing to measure");
  const events = cloud.log.since().filter(({ data }) => data.sessionId === session.id);
  const agent = await decodePackets(call.packetsOf(agentUserId));
  const caller = await decodePackets(call.packetsOf("caller"));
  const input = { pcm: session.inputRecord.pcm(), arrivals: session.arrivals.list() };
  const perUtterance = said.map(({ firstPacketAtMs, lastPacketAtMs }) =>
    packetLatencies(withoutSilentEnds(between(caller, firstPacketAtMs, lastPacketAtMs + onTheWayMs)), input),
  );
  const missed = perUtterance.filter((latencies) => latencies === undefined).length;
  const starts = events
    .filter(({ type }) => type === "server.input_audio_buffer.speech_started")
    .map(({ atMs }) => atMs);
  const deltas = firstDeltas(events);
  return {
    metrics: {
      microphoneToAppendMs: spreadOf(perUtterance.flatMap((latencies) => latencies ?? [])),
      deltaToPacketMs: spreadOf(deltaToPacket(deltas, agent)),
      bargeInToSilenceMs: spreadOf(bargeInToSilence(starts, deltas, agent)),
      cpuPercentPerCall: Math.round(cpuPercentBetween(first, last) * 100) / 100,
      rssMb: Math.round(Math.max(...usages.map(({ rssMb }) => rssMb)) * 10) / 10,
    },
    rows: [],
    notes: [
      `CPU and memory of one process in one call over ${((last.atMs - first.atMs) / 1_000).toFixed(0)} s in which somebody nearly always speaks; memory is the highest of ${usages.length} looks`,
      ...(missed > 0
        ? [`${missed} of ${said.length} utterances were not found in one piece in the model's input`]
        : []),
    ],
  };
};

/**
 * The stand-in makes the answer's sound in one go and stands still meanwhile; a model's usual time to first audio keeps
 * that out of what is measured.
 */
const firstAudioMs = 400;

const measure = async (cloud: Cloud, turns: number, progress: Progress): Promise<Result> => {
  cloud.openai.mind.add([{ reply: { text: "A long answer.", speech: { signal: "answer", durationMs: replyMs } } }]);
  cloud.openai.settings.firstAudioMs = firstAudioMs;
  const call = new BenchCall(cloud);
  const person = await call.join();
  const talk = await hold(call, person, turns, progress);
  await call.end(waitMs);
  await person.leave();
  return evaluate(call, talk);
};

/** What the bridge adds to sound, and what one call costs. All times are those of packets and messages at its two ends. */
export const benchLatency = async ({ count = 40 }: { count?: number }, progress: Progress): Promise<Result> => {
  const cloud = await startCloud({ bundles: await sharedBundles() });
  try {
    return await measure(cloud, count, progress);
  } finally {
    await cloud.close();
  }
};
