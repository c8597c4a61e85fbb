import { expect, test } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { Subscriptions } from "../../bridge-task/stream/subscriptions.ts";

const sources = (...sessionIds: string[]) => sessionIds.map((sessionId) => ({ userId: `u-${sessionId}`, sessionId }));
const settled = () => new Promise((resolve) => setImmediate(resolve));

const setUp = () => {
  const sent: string[][] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const subscriptions = new Subscriptions((list) => {
    sent.push(list.map(({ sessionId }) => sessionId));
    const answer = Promise.withResolvers<void>();
    answers.push(answer);
    return answer.promise;
  }, silentLogger);
  return { subscriptions, sent, answers };
};

test("one list is on its way at a time, and of those that wait only the newest goes out", async () => {
  const { subscriptions, sent, answers } = setUp();
  subscriptions.want(sources("a"));
  subscriptions.want(sources("a", "b"));
  subscriptions.want(sources("a", "b", "c"));
  expect(sent).toEqual([["a"]]);
  answers[0]?.resolve();
  await settled();
  expect(sent).toEqual([["a"], ["a", "b", "c"]]);
});

test("an unchanged list is not sent, and no list at all is nothing to say at first", async () => {
  const { subscriptions, sent, answers } = setUp();
  subscriptions.want([]);
  subscriptions.want(sources("a", "b"));
  answers[0]?.resolve();
  await settled();
  subscriptions.want(sources("b", "a"));
  await settled();
  expect(sent).toEqual([["a", "b"]]);
  subscriptions.want([]);
  expect(sent).toEqual([["a", "b"], []]);
});

test("a refused list does not stop the next one", async () => {
  const { subscriptions, sent, answers } = setUp();
  subscriptions.want(sources("a"));
  answers[0]?.reject(new Error("no"));
  await settled();
  subscriptions.want(sources("b"));
  expect(sent).toEqual([["a"], ["b"]]);
});
