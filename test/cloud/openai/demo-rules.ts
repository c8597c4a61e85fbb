import type { Rule } from "./mind.ts";

/** What the stand-in says when nobody scripted it: short answers, and a long one to the second question, to be interrupted. */
export const demoRules: readonly Rule[] = [
  { when: { instructions: "^say exactly this" }, reply: { text: "{quoted}" } },
  { when: { instructions: "^say exactly this", after: "tool" }, reply: { text: "{quoted}" } },
  { when: { after: "tool" }, reply: { text: "The tool has answered. It says: {output}." } },
  {
    when: { after: "nothing" },
    reply: { text: "Hello! I am the agent of this call. What would you like to know?" },
  },
  { when: { heard: "\\b(bye|goodbye|thank you|thanks)\\b" }, reply: { text: "You are welcome. Goodbye!" } },
  {
    when: { turn: 1 },
    reply: {
      text: "I am a voice agent that joined this call by itself. My mind is a script on your own machine, but everything between us is real.",
    },
  },
  {
    when: { turn: 2 },
    reply: {
      text:
        "That is a longer story, and you may interrupt me at any time. " +
        "When somebody creates a call, a webhook hears of it and starts one small process, just for that call. " +
        "The process joins as a participant, like you did. It takes the sound of everybody who speaks and hands it to a model. " +
        "The model answers faster than anybody can speak, so the answer waits in a queue and leaves it in frames of twenty milliseconds. " +
        "When you begin to speak, the queue is cut within one frame, and the model is told exactly how much of its answer you have heard. " +
        "When the last person has left, the process ends, and nothing is left running.",
    },
  },
  { when: { heard: "\\w" }, reply: { text: "You said: {heard}. I have no better answer in my script." } },
  { reply: { text: "I heard you. Ask on, or say goodbye." } },
];
