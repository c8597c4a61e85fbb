import { enqueue, plainWish } from "./queue.ts";
import { bounded, confirmLater, type Step, turnLimits } from "./step.ts";
import type { ToolBatch, ToolCall, TurnEvent, TurnState } from "./types.ts";

/*
 * Each complete call is run once and ends in exactly one output, whatever becomes of its response and whoever speaks meanwhile.
 * When a response can bring no more calls and all of its calls have outputs, one wish asks for the answer to them all.
 */

type EventOf<Type extends TurnEvent["type"]> = Extract<TurnEvent, { type: Type }>;

const tooManyOutput = JSON.stringify({ error: "Too many tools are running at once. Wait for their results." });

/** A call is told of several times, and some servers do not repeat the item's id each time. */
const isTold = (step: Step, ...keys: string[]): boolean => {
  const { state } = step;
  const isKnown = keys.some((key) => state.toldCalls.includes(key));
  for (const key of keys) {
    if (!state.toldCalls.includes(key)) state.toldCalls = bounded(state.toldCalls, key, turnLimits.toldCalls);
  }
  return isKnown;
};

const newOutputId = ({ state }: Step, { callId }: ToolCall): string => {
  state.madeCount += 1;
  // At most 32 characters, as the server demands of item ids; the call's id keeps it apart from those of other sessions.
  return `out_${state.madeCount}_${callId.slice(-18)}`;
};

const newBatch = { running: [], outputItemIds: [], isApplications: true, isFarewell: true, isExcused: false };

const changeBatch = ({ state }: Step, responseId: string, change: (batch: ToolBatch) => Partial<ToolBatch>): void => {
  const known = state.toolBatches.find((batch) => batch.responseId === responseId);
  const batch = known ?? { ...newBatch, responseId };
  const changed = { ...batch, ...change(batch) };
  state.toolBatches = known
    ? state.toolBatches.map((other) => (other === known ? changed : other))
    : [...state.toolBatches, changed];
};

/** The call, if it ever ran, runs no more: it has its output. */
const addOutput = (step: Step, responseId: string, callId: string, itemId: string, isFarewell = false): void =>
  changeBatch(step, responseId, (batch) => ({
    running: batch.running.filter((call) => call.callId !== callId),
    outputItemIds: bounded(batch.outputItemIds, itemId, turnLimits.rememberedIds),
    isFarewell: batch.isFarewell && isFarewell,
  }));

const answer = (step: Step, responseId: string, call: ToolCall, output: string, isFarewell = false): void => {
  const itemId = newOutputId(step, call);
  confirmLater(step, itemId);
  addOutput(step, responseId, call.callId, itemId, isFarewell);
  changeBatch(step, responseId, () => ({ isApplications: false }));
  step.commands.push({ type: "send_tool_output", callId: call.callId, itemId, output });
};

export const onToolCalled = (step: Step, { responseId, call }: EventOf<"tool_called">): void => {
  const { state, commands } = step;
  // A call outside of the conversation is in no conversation that could hold its output.
  if (state.outsideResponseIds.includes(responseId)) return;
  if (isTold(step, call.itemId, `${responseId} ${call.callId}`)) return;
  const early = state.earlyOutputs.find(({ callId }) => callId === call.callId);
  if (early !== undefined) {
    state.earlyOutputs = state.earlyOutputs.filter((other) => other !== early);
    addOutput(step, responseId, call.callId, early.outputItemId);
    return;
  }
  const runningCount = state.toolBatches.reduce((count, { running }) => count + running.length, 0);
  if (runningCount >= turnLimits.runningTools) {
    answer(step, responseId, call, tooManyOutput);
    return;
  }
  changeBatch(step, responseId, ({ running }) => ({ running: [...running, call] }));
  commands.push({ type: "run_tool", call });
};

/** What the model did not finish asking is never done; and a call that can have no output must not stay in the conversation. */
export const onToolCallCut = (step: Step, { responseId, itemId }: EventOf<"tool_call_cut">): void => {
  if (step.state.outsideResponseIds.includes(responseId) || isTold(step, itemId)) return;
  step.commands.push({ type: "delete_item", itemId });
};

const findRunning = ({ toolBatches }: TurnState, isMeant: (call: ToolCall) => boolean) => {
  for (const { responseId, running } of toolBatches) {
    const call = running.find(isMeant);
    if (call !== undefined) return { responseId, call };
  }
  return undefined;
};

export const onToolFinished = (step: Step, { itemId, output, isFarewell }: EventOf<"tool_finished">): void => {
  const running = findRunning(step.state, (call) => call.itemId === itemId);
  if (running !== undefined) answer(step, running.responseId, running.call, output, isFarewell);
};

export const onToolAnswered = (step: Step, { callId, outputItemId }: EventOf<"tool_answered">): void => {
  const { state } = step;
  confirmLater(step, outputItemId);
  const running = findRunning(state, (call) => call.callId === callId);
  if (running !== undefined) {
    addOutput(step, running.responseId, callId, outputItemId);
    return;
  }
  // Arguments are complete a moment before the call is: an application that answers at once is ahead of us.
  state.earlyOutputs = bounded(state.earlyOutputs, { callId, outputItemId }, turnLimits.runningTools);
};

/** May this response bring no more calls? One whose beginning we missed may be the one that is requested, or active unnamed. */
const isOver = ({ response, settledResponseIds }: TurnState, responseId: string): boolean => {
  if (settledResponseIds.includes(responseId) || response.phase === "none") return true;
  return response.phase === "active" && response.id !== undefined && response.id !== responseId;
};

/** The model has said goodbye and called what ends its part: a response to that would be words after the last. */
const isLastWord = ({ voicedResponseIds }: TurnState, { isFarewell, responseId }: ToolBatch): boolean =>
  isFarewell && voicedResponseIds.includes(responseId);

/** Wishes for one response to all finished batches. */
export const askAboutTools = (step: Step): void => {
  const { state } = step;
  const isCrowded = state.toolBatches.length > turnLimits.runningTools;
  const isFinished = ({ responseId, running }: ToolBatch) =>
    running.length === 0 && (isCrowded || isOver(state, responseId));
  const finished = state.toolBatches.filter(isFinished);
  if (finished.length === 0) return;
  state.toolBatches = state.toolBatches.filter((batch) => !isFinished(batch));
  const unanswered = finished.filter((batch) => !isLastWord(state, batch));
  if (unanswered.length === 0) return;
  const sees = unanswered.flatMap(({ outputItemIds }) => outputItemIds);
  const isReplaceable = unanswered.every(({ isApplications }) => isApplications);
  state.madeCount += 1;
  enqueue(step, { ...plainWish, id: `tools_${state.madeCount}`, sees, survivesCancel: true, isReplaceable }, "back");
};
