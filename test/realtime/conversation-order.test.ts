import { expect, it } from "vitest";
import { ItemOrder, RecentIds } from "../../bridge-task/realtime/conversation/order.ts";

it("the ids that are remembered are the latest", () => {
  const ids = new RecentIds(2);
  for (const id of ["a", "b", "a", "c"]) ids.add(id);
  expect(["a", "b", "c"].filter((id) => ids.has(id))).toEqual(["a", "c"]);
  expect([ids.delete("a"), ids.delete("a")]).toEqual([true, false]);
});

it("an item that was asked to go in front goes there once, and only where the server says so", () => {
  const order = new ItemOrder<{ id: string }>();
  const place = (id: string, previousItemId?: string | null) => order.place({ id }, previousItemId);
  const ids = () => order.items.map(({ id }) => id).join("");
  place("a", null);
  order.expectInFront("b");
  place("b", null);
  order.expectInFront("c");
  place("c", "b");
  expect(ids()).toBe("bca");
  place("d", null);
  expect(ids()).toBe("bcad");
});
