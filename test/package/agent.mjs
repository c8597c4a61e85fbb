// The first example of Stream's documentation as it stands there, but for the import and the placeholders.
import { StreamClient } from "stream-agent-bridge";

// Initialize the SDK with API credentials
const streamClient = new StreamClient(process.env.STREAM_API_KEY, process.env.STREAM_API_SECRET);

// Create a call object
const call = streamClient.video.call("default", process.env.CALL_ID);

// Connect the OpenAI agent to the call
const openAiApiKey = process.env.OPENAI_API_KEY;

const realtimeClient = await streamClient.video.connectOpenAi({
  call,
  openAiApiKey,
  agentUserId: "lucy",
  model: "gpt-4o-realtime-preview",
});

// Update the session with instructions for the AI agent
realtimeClient.updateSession({
  instructions: "You are a helpful assistant that can answer questions and help with tasks.",
});

// For the test: it speaks, and leaves when told to.
realtimeClient.sendUserMessageContent([{ type: "input_text", text: "How are you?" }]);
process.stdin.once("end", () => realtimeClient.disconnect()).resume();
