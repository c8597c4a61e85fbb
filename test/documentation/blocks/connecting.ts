import { apiKey, apiSecret, callId, openAiApiKey as givenOpenAiApiKey } from "../given.ts";

// Initialize the SDK with API credentials
import { StreamClient } from "stream-agent-bridge";

const streamClient = new StreamClient(apiKey, apiSecret);

// Create a call object
const call = streamClient.video.call("default", callId);

// Connect the OpenAI agent to the call
const openAiApiKey = givenOpenAiApiKey;

const realtimeClient = await streamClient.video.connectOpenAi({
  call,
  openAiApiKey,
  agentUserId: "lucy",
  model: "gpt-4o-realtime-preview",
});

// Update the session with instructions for the AI agent
realtimeClient.updateSession({
  instructions:
    "You are a helpful assistant that can answer questions and help with tasks.",
});

export { realtimeClient, streamClient };
