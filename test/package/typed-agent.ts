// What a user may write in strict TypeScript. The test compiles it against the installed package, the project itself against its sources.
import { StreamClient as ServerClient } from "@stream-io/node-sdk";
import { attachOpenAi, BridgeError, connectOpenAi, type RealtimeClient, StreamClient } from "stream-agent-bridge";

const streamClient = new StreamClient("key", "secret");
const options = { call: streamClient.video.call("default", "call-id"), openAiApiKey: "sk", agentUserId: "lucy" };

export const byChangedImport = (): Promise<RealtimeClient> => streamClient.video.connectOpenAi(options);

export const byAttaching = (): Promise<RealtimeClient> =>
  attachOpenAi(new ServerClient("key", "secret")).video.connectOpenAi(options);

export const byFunction = async (): Promise<void> => {
  const realtimeClient = await connectOpenAi({ ...options, streamClient: new ServerClient("key", "secret") });
  realtimeClient.updateSession({ instructions: "You are a helpful assistant.", voice: "alloy" });
  realtimeClient.on("response.done", ({ response }) => {
    const status: string | undefined = response.status;
    return status;
  });
  realtimeClient.on("call.session_participant_joined", ({ participant }): string => participant.user_id);
  realtimeClient.on(
    "conversation.updated",
    ({ item, delta }): string => delta?.transcript ?? item.formatted.transcript,
  );
  realtimeClient.addTool({ name: "ticket" }, async ({ issue }: { issue: string }) => issue.length);
  realtimeClient.sendUserMessageContent([{ type: "text", text: "Hello." }]);
  const { realtime } = realtimeClient;
  realtime.on("server.response.audio_transcript.done", ({ transcript }): string => transcript);
  realtime.on("client.response.create", ({ event_id }): string | undefined => event_id);
  realtime.send("session.update", { session: { voice: "alloy" } });
  realtime.send("response.create", { response: { modalities: ["text"] } });
  realtime.send("input_audio_buffer.append", { audio: new Int16Array(480) });
  // @ts-expect-error there is no such event
  realtimeClient.on("call.session_participant_came", () => undefined);
  // @ts-expect-error there is no such field
  realtime.send("response.create", { responses: {} });
  // @ts-expect-error there is no such setting
  realtimeClient.updateSession({ instructionz: "" });
  // @ts-expect-error an agent has a user id
  await connectOpenAi({ streamClient, call: options.call, openAiApiKey: "sk" });
};

export const codeOf = (error: unknown): string | undefined => (error instanceof BridgeError ? error.code : undefined);
