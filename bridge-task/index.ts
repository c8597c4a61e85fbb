/** The package: voice agents for Stream Video calls, in a process of yours that outlives the call. */
export type { AgentClient, AgentClient as RealtimeClient } from "./agent-client.ts";
export { type ConnectOpenAiOptions, connectOpenAi } from "./connect-open-ai.ts";
export { BridgeError, InvalidInputError, TimeoutError } from "./errors.ts";
export { FrozenRuntimeError } from "./hosting.ts";
export type { EndReason } from "./job.ts";
export { createLogger, type Logger, silentLogger } from "./log.ts";
export type { CloseNotice, ErrorNotice, RealtimeClientEvents, RealtimeRecord } from "./realtime/client-events.ts";
export type { ConversationItem, ItemDelta } from "./realtime/conversation/conversation.ts";
export { type ErrorAction, ModelError } from "./realtime/model-errors.ts";
export type { RealtimeApi, RealtimeApiEvents } from "./realtime/realtime-api.ts";
export type { SessionUpdate } from "./realtime/session/keys.ts";
export type { AppliedSettings } from "./realtime/session/outcome.ts";
export type { FinishedTool } from "./realtime/tools/runner.ts";
export { ToolError } from "./realtime/tools/tool-error.ts";
export type { NewTool, Tool, ToolContext, ToolDefinition, ToolHandler, ToolOptions } from "./realtime/tools/toolbox.ts";
export type { AgentState } from "./realtime/turn/types.ts";
export type { ResponseRequest } from "./realtime/wire/responses.ts";
export type { UserContentPart } from "./realtime/wire/user-content.ts";
export type { CallEvent, CallEventMap, CallEventOf } from "./stream/call-events.ts";
export { CallEndedError, CallRefusedError, CoordinatorError, type RefusalReason, SfuError } from "./stream/errors.ts";
export {
  type AttachedClient,
  type AttachOptions,
  attachOpenAi,
  StreamClient,
  type VideoConnectOpenAiOptions,
} from "./stream-client.ts";
