import { describe, expect, it } from "vitest";
import { collect, next, startAgent } from "./client-fixture.ts";

/* The themes of themes.test.ts that only a session with its socket can show. */

const hello = [{ type: "input_text", text: "hello" }] as const;

describe("long calls", () => {
  it("theme 15: sessions ended after 60 minutes without a word (livekit/agents #1073, pipecat #3170); here the end is told before it comes, with its reason", async () => {
    const { client, cloud, session } = await startAgent();
    const error = next(client, "error");
    const closed = next(client, "close");
    cloud.sessions()[0]?.expire();
    expect(await error).toMatchObject({ action: "rotate", error: { code: "session_expired" } });
    expect(await closed).toMatchObject({ cause: "model_lost", error: { code: "session_expired", retryable: true } });
    expect(session.end).toMatchObject({ cause: "model_lost" });
  });

  it("theme 16: the socket died and the agent never answered again (livekit/agents-js #2366); here the end is told once, and nothing waits for ever", async () => {
    const { client, cloud } = await startAgent();
    client.addTool(
      { name: "slow" },
      (_args, { signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
    );
    cloud.mind.add([{ when: { heard: "hello" }, reply: { toolCalls: [{ name: "slow", arguments: {} }] } }]);
    client.sendUserMessageContent(hello);
    await next(client, "response.done");
    const ends = collect(client, "close");
    const waiting = [
      client.waitForNext("response.created"),
      client.waitForNextItem().catch((error: Error) => error.message),
      client.updatesSettled(),
    ];
    client.updateSession({ instructions: "on its way" });
    await cloud.kill();
    expect(await Promise.all(waiting)).toEqual([null, expect.stringMatching(/ended/), undefined]);
    client.sendUserMessageContent(hello);
    client.createResponse();
    client.cancelResponse();
    await client.disconnect();
    expect(ends).toMatchObject([{ cause: "model_lost", error: { retryable: true } }]);
    expect(client.agentState).not.toBe("speaking");
  });
});
