import type { Event, ProbeSession } from "./probe-session.ts";
import type { Stage } from "./stage.ts";

const soundMs = 15_000;
const responseMs = 40_000;
const longText = "Count slowly from one to thirty, in words.";

const responseOf = (event: Event): Record<string, unknown> => (event.response ?? {}) as Record<string, unknown>;
const idOf = (event: Event): unknown => responseOf(event).id;

const spoken = (instructions: string, more: object = {}): Event => ({
  type: "response.create",
  response: { instructions, output_modalities: ["audio"], max_output_tokens: 700, input: [], ...more },
});

/** Starts one and resolves with its id, and the item in which it speaks, once it does. */
const begin = async (session: ProbeSession, event: Event) => {
  const created = session.next(({ type }) => type === "response.created", soundMs, "a response");
  const speaking = session.next(({ type }) => type === "response.output_audio.delta", soundMs, "its sound");
  session.send(event);
  const [response, sound] = await Promise.all([created, speaking]);
  return { id: idOf(response), itemId: String(sound.item_id) };
};

/** With the first one still speaking: what may be done beside it. */
const askBeside = async (session: ProbeSession, stage: Stage, firstId: unknown): Promise<void> => {
  const { probes } = stage.seen.noted;
  probes["second response"] = await session.ask(
    // If it is taken after all, it is short.
    { type: "response.create", response: { max_output_tokens: 50 } },
    "response.created",
    (event) => idOf(event) !== firstId,
  );
  const call_id = "call_live_check";
  const call = { type: "function_call", name: "live_check", call_id, arguments: "{}" };
  const output = { type: "function_call_output", call_id, output: '{"ok":true}' };
  const create = (item: object): Event => ({ type: "conversation.item.create", item });
  const isOf = (type: string) => (event: Event) => (event.item as { type?: string } | undefined)?.type === type;
  probes["call written by us"] = await session.ask(create(call), "conversation.item.added", isOf("function_call"));
  probes["output beside a response"] = await session.ask(
    create(output),
    "conversation.item.added",
    isOf("function_call_output"),
  );
  const aside = spoken('Say exactly this: "One moment, please."', { conversation: "none", metadata: { is: "aside" } });
  const isAside = (event: Event) => (responseOf(event).metadata as { is?: unknown } | null)?.is === "aside";
  const asideDone = session.next(
    (event) => event.type === "response.done" && isAside(event),
    responseMs,
    "the end of the aside",
  );
  probes["aside beside a response"] = await session.ask(aside, "response.created", isAside);
  if (probes["aside beside a response"].type === "response.created") await asideDone.catch(() => undefined);
};

/** One response that speaks, what may be asked for beside it, and what may be done to it afterwards. */
export const askAboutResponses = async (session: ProbeSession, stage: Stage): Promise<void> => {
  const { probes } = stage.seen.noted;
  const first = await begin(session, spoken(longText));
  const done = session.next(
    (event) => event.type === "response.done" && idOf(event) === first.id,
    responseMs,
    "the end of the response",
  );
  await askBeside(session, stage, first.id);
  await done;
  const changeVoice = { type: "realtime", audio: { output: { voice: "cedar" } } };
  probes["voice after sound"] = await session.ask({ type: "session.update", session: changeVoice }, "session.updated");
  const item = { item_id: first.itemId };
  const truncate = (audio_end_ms: number): Event => ({
    type: "conversation.item.truncate",
    ...item,
    content_index: 0,
    audio_end_ms,
  });
  probes["truncate beyond the end"] = await session.ask(truncate(3_600_000), "conversation.item.truncated");
  probes.truncate = await session.ask(truncate(400), "conversation.item.truncated");
  probes["delete of a spoken item"] = await session.ask(
    { type: "conversation.item.delete", ...item },
    "conversation.item.deleted",
  );
};

const longCall: Event = {
  type: "response.create",
  response: {
    instructions: "Call the tool live_check_note with a text of at least three hundred words about the sea.",
    output_modalities: ["text"],
    max_output_tokens: 1_000,
    input: [],
    tools: [
      {
        type: "function",
        name: "live_check_note",
        description: "Writes a note.",
        parameters: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
      },
    ],
    tool_choice: "required",
  },
};

/** A call that is cut while its arguments are being written: how its item ends, and whether it may be deleted. */
export const askAboutTools = async (session: ProbeSession, stage: Stage): Promise<void> => {
  const { probes } = stage.seen.noted;
  const done = session.next(({ type }) => type === "response.done", responseMs, "the end of the tool's response");
  const written = session.next(
    ({ type }) => type === "response.function_call_arguments.delta" || type === "response.done",
    responseMs,
    "a call's arguments",
  );
  session.send(longCall);
  const first = await written;
  if (first.type !== "response.function_call_arguments.delta") {
    await done;
    return;
  }
  session.send({ type: "response.cancel" });
  const output = (responseOf(await done).output ?? []) as { type?: string; status?: string; id?: string }[];
  const call = output.find(({ type }) => type === "function_call");
  if (call === undefined) return;
  probes["status of a cut call"] = { type: String(call.status) };
  probes["delete of a cut call"] = await session.ask(
    { type: "conversation.item.delete", item_id: call.id },
    "conversation.item.deleted",
  );
};
