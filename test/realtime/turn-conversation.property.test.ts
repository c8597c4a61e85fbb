import fc from "fast-check";
import { expect, it } from "vitest";
import { isAside } from "./simulated-model.ts";
import { type Action, TurnConversation } from "./turn-conversation.ts";

/* Whole conversations with a correct server: what each side holds at the end must be the same, every typed message must have
 * been answered, and every call must have had its one output and an answer that saw it. */

/** More often what lets a response live long enough to call several functions. */
const usual: Action[] = [
  ...(["type", "ask", "speak", "stop", "generate", "call", "call", "call", "call", "call", "finish", "fail"] as const),
  ...(["first tool", "last tool", "answer by hand", "play"] as const),
  ...(["slow tool", "generate aside", "finish aside"] as const),
  ...(["up", "down", "up", "down", "up", "down"] as const),
];

const actionsOf = (...actions: Action[]) => fc.array(fc.constantFrom(...actions), { maxLength: 120, size: "max" });

const expectRest = ({ state }: TurnConversation): void => {
  expect(state.queue).toEqual([]);
  expect(state.response.phase).toBe("none");
  expect(state.speech).toBe("quiet");
  expect(state.toolBatches).toEqual([]);
  expect(state.aside).toEqual({ phase: "none" });
};

/** What the voice is given of two things at once would be heard as a mix: each is given whole before the next begins. */
const expectOneVoice = ({ voiced }: TurnConversation): void => {
  expect(new Set(voiced).size, voiced.join(" ")).toBe(voiced.length);
};

/** Each call the reducer was told of was run once and has one output; a second one, the simulated server would have refused. */
const expectOneOutputEach = ({ model, toldCallIds, runCallIds }: TurnConversation): void => {
  expect(new Set(runCallIds).size, "no call is run twice").toBe(runCallIds.length);
  for (const { call, status, outputItemId } of model.calls.values()) {
    if (toldCallIds.has(call.callId)) expect(outputItemId, `output of ${call.callId}`).toBeDefined();
    else expect(runCallIds, status).not.toContain(call.callId);
  }
};

const expectOutputsSeen = ({ model }: TurnConversation): void => {
  for (const { outputItemId } of model.calls.values()) {
    if (outputItemId === undefined) continue;
    const isSeen = model.responses.some(({ sees }) => sees.has(outputItemId));
    expect(isSeen, `a response has seen ${outputItemId}`).toBe(true);
  }
};

const expectSameAsHeard = ({ model, sentMs }: TurnConversation): void => {
  for (const [itemId, item] of model.items) {
    const heardMs = item.isDeleted ? 0 : item.keptMs;
    expect(heardMs, `${itemId} as the server keeps it`).toBe(sentMs.get(itemId) ?? 0);
    expect(item.isDeleted && sentMs.has(itemId)).toBe(false);
  }
};

const expectNothingHalf = ({ model }: TurnConversation): void => {
  for (const { call, status } of model.calls.values()) expect(status, call.callId).not.toBe("in_progress");
};

/** Everything happens and comes to its end; what must hold whatever happened does. */
const playOut = (
  actions: readonly Action[],
  options: ConstructorParameters<typeof TurnConversation>[0],
): TurnConversation => {
  const conversation = new TurnConversation(options);
  for (const each of actions) conversation.do(each);
  conversation.settle();
  expectRest(conversation);
  expectOneOutputEach(conversation);
  expectOutputsSeen(conversation);
  // A response whose beginning was lost may be anything.
  if (options.isReliable !== false) expectOneVoice(conversation);
  return conversation;
};

it("answers every message and every tool, keeps exactly what was heard, and comes to rest", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(actionsOf(...usual), fc.boolean(), (actions, createResponse) => {
      const conversation = playOut(actions, { createResponse });
      expectNothingHalf(conversation);
      expectSameAsHeard(conversation);
      const { model, typed, superfluousResponses, toolRequestCount } = conversation;
      for (const itemId of typed) {
        const isAnswered = model.responses.some(({ sees }) => sees.has(itemId));
        expect(isAnswered, itemId).toBe(true);
      }
      const batchCount = new Set([...model.calls.values()].map(({ responseId }) => responseId)).size;
      expect(toolRequestCount, "a batch is asked about once").toBeLessThanOrEqual(batchCount);
      expect(superfluousResponses, "nothing is answered twice").toEqual([]);
    }),
    { numRuns: 10_000 },
  );
});

it("runs every tool to its end and tells of it, however often the application cancels", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(actionsOf(...usual, "cancel", "cancel"), fc.boolean(), (actions, createResponse) => {
      const conversation = playOut(actions, { createResponse });
      expectNothingHalf(conversation);
      expectSameAsHeard(conversation);
    }),
    { numRuns: 10_000 },
  );
});

/** A tool runs, the agent is silent, and a sentence about it has been asked for; or is being heard already. */
const excused: Action[] = ["type", "up", "up", "down", "down", "call", "finish", "down", "down", "down", "slow tool"];
const heard: Action[] = [...excused, "up", "down", "generate aside", "down", "play"];

it("says a sentence about slow tools in one voice with all else, into silence, never over a person", {
  timeout: 60_000,
}, () => {
  const laterActions = actionsOf(...usual, "generate aside", "generate aside", "cancel");
  let heardCount = 0;
  fc.assert(
    fc.property(fc.constantFrom(excused, heard), laterActions, fc.boolean(), (first, later, createResponse) => {
      const conversation = playOut([...first, ...later], { createResponse });
      expectNothingHalf(conversation);
      expectSameAsHeard(conversation);
      expect(conversation.model.asideCount).toBeGreaterThan(0);
      if (conversation.voiced.some(isAside)) heardCount += 1;
    }),
    { numRuns: 10_000 },
  );
  expect(heardCount, "asides that were heard").toBeGreaterThan(4_000);
});

it("asks again where the end of a response whose beginning was lost was taken for the answer", () => {
  const actions: Action[] = ["speak", "stop", "call", "lose", "call", "down", "speak", "down", "lose"];
  playOut(actions, { createResponse: true, isReliable: false });
});

it("comes to rest, with one output for each call, where events are lost and doubled", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.constantFrom([], excused, heard),
      actionsOf(...usual, "generate aside", "cancel", "lose", "double"),
      fc.boolean(),
      (first, later, createResponse) => {
        playOut([...first, ...later], { createResponse, isReliable: false });
      },
    ),
    { numRuns: 10_000 },
  );
});
