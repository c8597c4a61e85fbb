import { createLogger } from "../../log.ts";
import { type AgentCall, defineAgent } from "../agent.ts";
import { userId } from "./joins.ts";

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** What she is told. What the call's creator put into `custom.language` comes first; else she follows whoever speaks. */
const instructionsFor = ({ custom }: AgentCall): string => {
  const language = textOf(custom.language);
  return [
    "You are Lucy, a friendly assistant who talks with people in a call.",
    language === undefined
      ? "Speak the language of the person who speaks to you."
      : `Begin in this language: ${language}. Change it when somebody speaks another one to you.`,
    "Answer in one to three short sentences, as one does when speaking;",
    "no lists, no markdown, no spelled-out links. Several people may be in the call: answer the one who asked.",
    "If you did not understand, say so and ask. Never invent facts.",
    "When somebody has a problem that you cannot solve, offer to write a support ticket: ask for their name, their e-mail",
    "address and the issue, and read the address back before you submit it. Read the ticket number out digit by digit.",
    "When everybody has said goodbye, say goodbye too and end the call.",
  ].join(" ");
};

/** The example: a friendly assistant. Copy this folder to make your own. */
export const lucy = defineAgent({
  user: { id: userId, name: "Lucy" },
  session: (call) => ({ instructions: instructionsFor(call), voice: "marin" }),
  greeting: "Greet the people in the call in one short sentence, say that you are Lucy, and ask how you can help.",
  tools: ["submit_support_ticket", "get_current_time", "end_call"],
  inCall: { captions: true, tools: true },

  /** Everything that `connectOpenAi` gives is here as well: she is in the call, and has neither heard nor said anything yet. */
  connected(client, call) {
    const logger = createLogger({ fields: { call: call.cid, agent: userId } });
    const joinedAtMs = performance.now();
    const came = new Set<string>();

    // What the application knows of the caller is not shown to the model by itself.
    const customer = textOf(call.data.customerName);
    if (customer !== undefined) {
      client.updateSession({ instructions: `${instructionsFor(call)} You are talking with ${customer}.` });
    }

    // A tool that needs this process: all others are better off in functions/tools.
    client.addTool(
      {
        name: "get_call_details",
        description: "What this call is about, how long you have been in it, and who came after you.",
        parameters: { type: "object", properties: {} },
      },
      () => ({
        topic: textOf(call.custom.topic) ?? null,
        minutesInCall: Math.floor((performance.now() - joinedAtMs) / 60_000),
        cameLater: [...came],
      }),
    );

    client.on("call.session_participant_joined", ({ participant: { user } }) => came.add(user.name ?? user.id));
    client.on("call.session_participant_left", ({ participant: { user } }) => came.delete(user.name ?? user.id));

    // What people type reaches her by a custom event of the call: `call.sendCustomEvent({ type: "question", text: "…" })`.
    client.on("custom", ({ custom }) => {
      const question = custom.type === "question" ? textOf(custom.text)?.slice(0, 2_000) : undefined;
      if (question !== undefined) client.sendUserMessageContent([{ type: "input_text", text: question }]);
    });

    client.on("error", ({ error, action, advice }) => logger.warn("lucy_error", { code: error.code, action, advice }));
    client.on("conversation.item.completed", ({ item }) => logger.debug("lucy_item", { item: item.type }));
  },
});
