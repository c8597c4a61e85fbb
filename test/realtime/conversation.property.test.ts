import fc from "fast-check";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { expect, it } from "vitest";
import {
  Conversation,
  type ConversationChange,
  type ConversationItem,
} from "../../bridge-task/realtime/conversation/conversation.ts";
import { type Output, type Place, type ServerItem, SimulatedServer, type Told } from "./conversation-simulation.ts";

const text = fc.constantFrom("", "yes", "good morning");
const index = fc.nat({ max: 30 });
const place: fc.Arbitrary<Place> = fc.oneof(fc.constant("end" as const), fc.constant("root" as const), index);
const output: fc.Arbitrary<Output> = fc.record({
  kind: fc.constantFrom("audio", "text", "call"),
  chunks: fc.array(fc.constantFrom("a", "b ", "c!"), { minLength: 1, maxLength: 4 }),
  isCut: fc.boolean(),
});
const said = fc.record({ text, transcript: fc.option(text), isEarly: fc.boolean() });

const action = fc.oneof(
  fc.record({ do: fc.constant("user" as const), place, said }),
  fc.record({ do: fc.constant("history" as const), place, words: text }),
  fc.record({ do: fc.constant("output" as const), place, words: text }),
  fc.record({
    do: fc.constant("response" as const),
    isOutside: fc.boolean(),
    outputs: fc.array(output, { maxLength: 3 }),
    meanwhile: fc.option(fc.record({ place, said })),
  }),
  fc.record({ do: fc.constantFrom("delete" as const, "truncate" as const, "retrieve" as const), index }),
);
type Action = typeof action extends fc.Arbitrary<infer Each> ? Each : never;

const play = (actions: readonly Action[]): SimulatedServer => {
  const server = new SimulatedServer();
  for (const [at, each] of actions.entries()) {
    if (each.do === "user") server.user(each.place, each.said);
    else if (each.do === "history") server.inject(each.place, { role: "assistant", text: each.words });
    else if (each.do === "output") server.inject(each.place, { type: "function_call_output", output: each.words });
    else if (each.do === "response") {
      const { meanwhile } = each;
      server.respond(`resp_${at}`, each.isOutside, each.outputs, () => {
        if (meanwhile) server.user(meanwhile.place, meanwhile.said);
      });
    } else server[each.do](each.index);
  }
  return server;
};

class View {
  readonly conversation = new Conversation();
  readonly changes: ConversationChange[] = [];

  take(told: Told): void {
    if ("sent" in told) this.conversation.sent(told.sent);
    else this.changes.push(...this.conversation.apply(told.event));
  }

  told(type: ConversationChange["type"], item: ConversationItem): number {
    return this.changes.filter((change) => change.type === type && change.item === item).length;
  }
}

/** The same of both sides: what the server holds, and what the client shows. */
const truthOf = ({ id, type, role, status, text: words, transcript, arguments: args, output: result }: ServerItem) => ({
  ...{ id, type, role, status, text: words, transcript: transcript ?? "", arguments: args, output: result },
});
const shownOf = (item: ConversationItem) => ({
  ...{ id: item.id, type: item.type, role: item.role, status: item.status, text: item.formatted.text },
  transcript: item.content.map((part) => part.transcript ?? "").join(""),
  arguments: item.formatted.tool?.arguments,
  output: item.formatted.output,
});
const shown = ({ conversation }: View) => conversation.getItems().map(shownOf);
const truth = ({ items }: SimulatedServer) => items.map(truthOf);

const isFinal = (event: RealtimeServerEvent) =>
  event.type === "conversation.item.done" ||
  event.type === "response.output_item.done" ||
  event.type === "response.done";

const expectToldOnce = (view: View): void => {
  const seen = new Set(view.changes.map(({ item }) => item));
  for (const item of seen) {
    expect(view.told("appended", item)).toBe(1);
    expect(view.told("completed", item)).toBe(item.status === "completed" ? 1 : 0);
    const order = view.changes.filter((change) => change.item === item).map(({ type }) => type);
    expect(order.slice(0, 2)).toEqual(["updated", "appended"]);
  }
};

it("shows the server's items, in the server's order, and tells of each once", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
      const server = play(actions);
      const view = new View();
      for (const told of server.told) view.take(told);
      expect(shown(view)).toEqual(truth(server));
      expectToldOnce(view);
    }),
    { numRuns: 2_000 },
  );
});

it("is in the server's order after each event that places an item", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ place, isDeleted: fc.boolean() }), { maxLength: 30 }), (steps) => {
      const server = new SimulatedServer();
      const view = new View();
      for (const [at, step] of steps.entries()) {
        if (step.isDeleted) server.delete(at * 7);
        else server.inject(step.place, { role: "user" });
        for (const told of server.told.splice(0)) view.take(told);
        expect(view.conversation.getItems().map(({ id }) => id)).toEqual(server.items.map(({ id }) => id));
        expect(view.conversation.items).toEqual(view.conversation.getItems());
      }
    }),
    { numRuns: 1_000 },
  );
});

it("comes to the same when events are doubled and news that an item is done come again, however late", () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 10 }),
      fc.infiniteStream(fc.boolean()),
      fc.infiniteStream(fc.nat({ max: 3 })),
      (actions, doubled, lateBy) => {
        const server = play(actions);
        const view = new View();
        const late: Told[] = [];
        for (const told of server.told) {
          view.take(told);
          // A doubled delta cannot be told from the next one; the item's end corrects it.
          if (doubled.next().value) view.take(told);
          if ("event" in told && isFinal(told.event)) late.push(told);
          if (late.length > 0 && lateBy.next().value === 0) view.take(late.shift() as Told);
        }
        for (const told of late) view.take(told);
        expect(shown(view)).toEqual(truth(server));
        expectToldOnce(view);
      },
    ),
    { numRuns: 1_000 },
  );
});

/** Every one of these is told by another event too, as long as that comes. */
const mayBeLost = (event: RealtimeServerEvent, isBeta: boolean): boolean => {
  if (event.type === "conversation.item.added" || event.type === "response.output_item.added") return true;
  if (event.type === "conversation.item.done") return isBeta;
  if (event.type === "response.output_item.done") return !isBeta;
  return event.type.endsWith(".delta") || event.type === "response.content_part.added";
};

it("loses nothing but the place of an item when events are lost whose content others repeat", () => {
  fc.assert(
    fc.property(
      fc.array(
        action.filter(({ do: what }) => what === "response"),
        { maxLength: 6 },
      ),
      fc.infiniteStream(fc.boolean()),
      fc.boolean(),
      (actions, lost, isBeta) => {
        const server = play(actions.map((each) => ({ ...each, meanwhile: null })) as Action[]);
        const view = new View();
        for (const told of server.told) {
          const isLost = "event" in told && mayBeLost(told.event, isBeta) && lost.next().value;
          if (!isLost) view.take(told);
        }
        expect(shown(view)).toEqual(truth(server));
        expectToldOnce(view);
      },
    ),
    { numRuns: 1_000 },
  );
});

it("takes any events at all, from any server, and keeps its promises", () => {
  const itemId = fc.constantFrom("a", "b", "c");
  const item = fc.record({
    id: itemId,
    type: fc.constantFrom("message", "function_call", "function_call_output", "mcp_call"),
    role: fc.constantFrom("user", "assistant", "system"),
    status: fc.constantFrom("in_progress", "completed", "incomplete", undefined),
    content: fc.array(fc.record({ type: fc.constantFrom("output_audio", "input_text"), transcript: fc.option(text) })),
  });
  const event = fc.record({
    type: fc.constantFrom(
      ...["added", "created", "done", "deleted", "truncated", "retrieved"].map((name) => `conversation.item.${name}`),
      ...["delta", "completed"].map((name) => `conversation.item.input_audio_transcription.${name}`),
      ...["output_item.added", "output_item.done", "content_part.added"].map((name) => `response.${name}`),
      ...["output_text", "output_audio", "output_audio_transcript", "function_call_arguments"].map(
        (name) => `response.${name}.delta`,
      ),
    ),
    item,
    item_id: itemId,
    previous_item_id: fc.option(itemId, { nil: undefined }),
    response_id: fc.constantFrom("r1", "r2"),
    content_index: fc.constantFrom(0, 1, 2, -1, 99, 1e9),
    delta: fc.constant("AAAA"),
    transcript: text,
    part: fc.record({ type: fc.constantFrom("audio", "text") }),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const view = new View();
      for (const each of events) view.take({ event: each as unknown as RealtimeServerEvent });
      const items = view.conversation.getItems();
      expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
      expectToldOnce(view);
      for (const { content } of items) expect(content.length).toBeLessThanOrEqual(64);
    }),
    { numRuns: 2_000 },
  );
});
