import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deletionOrder, type StoredResource } from "../cloud/engine/checkpoint.ts";
import { answerCall } from "../cloud/engine/data-sources.ts";
import { EngineEvents } from "../cloud/engine/event-log.ts";
import type { ResourceAnswer, ResourceRequest } from "../cloud/engine/protocol.ts";
import { Roles } from "../cloud/engine/roles.ts";
import { type Registration, Update } from "../cloud/engine/update.ts";

const urnOf = (name: string): string => `urn:pulumi:stage::app::aws:x/y:Y::${name}`;

const wanted = (name: string, inputs: object = {}, options: Partial<Registration> = {}): Registration => ({
  urn: urnOf(name),
  type: "aws:x/y:Y",
  custom: true,
  inputs: { ...inputs },
  dependencies: [],
  ignoreChanges: [],
  retainOnDelete: false,
  ...options,
});

const stored = (name: string, inputs: object = {}, options: Partial<StoredResource> = {}): StoredResource => ({
  urn: urnOf(name),
  type: "aws:x/y:Y",
  custom: true,
  id: `id-${name}`,
  inputs: { ...inputs },
  outputs: { ...inputs },
  dependencies: [],
  ...options,
});

/** An update whose provisioner makes whatever it is asked for, and remembers that. */
const begin = (former: readonly StoredResource[], answer: Partial<ResourceAnswer> = {}) => {
  const requests: ResourceRequest[] = [];
  const provision = async (request: ResourceRequest): Promise<ResourceAnswer> => {
    requests.push(request);
    if (request.inputs.fails === true) throw new Error("no room left");
    return { id: `new-${request.name}`, outputs: request.inputs, ...answer };
  };
  const update = new Update({ former, provision, events: new EngineEvents(undefined) });
  return { update, asked: () => requests.map(({ operation, name }) => `${operation} ${name}`), requests };
};

describe("an update", () => {
  test("creates what is new, leaves what is the same, changes what differs, deletes what is gone", async () => {
    const { update, asked } = begin([stored("same", { a: 1 }), stored("other", { a: 1 }), stored("gone")]);
    for (const one of [wanted("new"), wanted("same", { a: 1 }), wanted("other", { a: 2 })]) await update.register(one);
    await update.deleteRest();
    expect(asked()).toEqual(["create new", "update other", "delete gone"]);
    expect(update.resources.map(({ id }) => id)).toEqual(["new-new", "id-same", "new-other"]);
  });

  test.each([
    { ignoreChanges: ["value"], wants: { value: "first", name: "k" } },
    { ignoreChanges: ["*"], wants: { value: "first", name: "other" } },
  ])("keeps former values of inputs whose changes are ignored: $ignoreChanges", async ({ ignoreChanges, wants }) => {
    const { update, asked } = begin([stored("key", { value: "rotated", name: "k" })]);
    await update.register(wanted("key", wants, { ignoreChanges }));
    expect(asked()).toEqual([]);
    expect(update.resources).toMatchObject([{ inputs: { value: "rotated", name: "k" } }]);
  });

  test("deletes what was replaced after everything else", async () => {
    const { update, asked } = begin([stored("one", { a: 1 })], { replaced: true });
    await update.register(wanted("one", { a: 2 }));
    await update.register(wanted("two"));
    await update.deleteRest();
    expect(asked()).toEqual(["update one", "create two", "delete one"]);
  });

  test("leaves what is to be retained", async () => {
    const { update, asked } = begin([stored("table", {}, { retainOnDelete: true })]);
    await update.deleteRest();
    expect(asked()).toEqual([]);
    expect(update.resources).toEqual([]);
  });

  test("begins nothing after a failure, and keeps in the state what is there", async () => {
    const { update, asked } = begin([stored("before")]);
    await update.register(wanted("made"));
    void update.register(wanted("broken", { fails: true }));
    await update.failure;
    void update.register(wanted("later"));
    await update.settled();
    update.keepUnreached();
    expect(asked()).toEqual(["create made", "create broken"]);
    expect(update.resources.map(({ urn }) => urn)).toEqual([urnOf("made"), urnOf("before")]);
  });
});

test("nothing is deleted before what depends on it", () => {
  /** Each may depend on those before it. */
  const anyResources = fc.array(fc.array(fc.nat(20), { maxLength: 3 }), { maxLength: 12 }).map((all) =>
    all.map((on, index) => {
      const dependencies = on.filter((other) => other < index).map((other) => urnOf(String(other)));
      return stored(String(index), {}, { dependencies });
    }),
  );
  fc.assert(
    fc.property(anyResources, (resources) => {
      const order = deletionOrder(resources);
      expect(new Set(order)).toEqual(new Set(resources));
      const at = new Map(order.map(({ urn }, index) => [urn, index]));
      for (const { urn, dependencies } of order) {
        for (const needed of dependencies) expect(at.get(urn)).toBeLessThan(at.get(needed) ?? -1);
      }
    }),
  );
});

test("a policy document is made as the provider makes it", () => {
  const { json } = answerCall("aws:iam/getPolicyDocument:getPolicyDocument", {
    statements: [
      {
        effect: "Allow",
        actions: ["ecs:RunTask"],
        resources: ["r"],
        conditions: [{ test: "ArnEquals", variable: "ecs:cluster", values: ["c"] }],
      },
      { actions: ["sts:AssumeRole"], principals: [{ type: "Service", identifiers: ["lambda.amazonaws.com"] }] },
    ],
  });
  expect(JSON.parse(String(json)).Statement).toEqual([
    { Effect: "Allow", Action: ["ecs:RunTask"], Resource: ["r"], Condition: { ArnEquals: { "ecs:cluster": ["c"] } } },
    { Effect: "Allow", Action: ["sts:AssumeRole"], Principal: { Service: ["lambda.amazonaws.com"] } },
  ]);
  expect(() => answerCall("aws:ec2/getAmi:getAmi", {})).toThrow("aws:ec2/getAmi:getAmi");
});

describe("whoever asks", () => {
  const request = { action: "dynamodb:GetItem", resource: "arn:aws:dynamodb:us-east-1:1:table/calls", context: {} };
  const roles = () => {
    const made = new Roles(["DEPLOYER"]);
    made.put("reader", "arn:aws:iam::1:role/reader");
    made.setPolicies("reader", "role", [
      { Statement: [{ Effect: "Allow", Action: "dynamodb:GetItem", Resource: "*" }] },
    ]);
    return made;
  };

  test("is refused unless their role allows it, and the refusal names role, action and resource", () => {
    const made = roles();
    const accessKeyId = made.accessKeyOf("reader");
    expect(made.refusalOf({ ...request, accessKeyId })).toBeUndefined();
    expect(made.refusalOf({ ...request, accessKeyId, action: "dynamodb:PutItem" })).toBe(
      `arn:aws:iam::1:role/reader is not authorized to perform: dynamodb:PutItem on resource: ${request.resource} because no identity-based policy allows it`,
    );
    expect(made.decisions.map(({ role, verdict }) => [role, verdict])).toEqual([
      ["reader", "allowed"],
      ["reader", "not allowed"],
    ]);
  });

  test("is refused with a key that is nobody's, or a role that is gone", () => {
    const made = roles();
    const accessKeyId = made.accessKeyOf("reader");
    made.delete("reader");
    expect(made.refusalOf({ ...request, accessKeyId })).toContain("not authorized");
    expect(made.refusalOf({ ...request, accessKeyId: "ANYBODY" })).toContain("not authorized");
    expect(made.refusalOf({ ...request, accessKeyId: "DEPLOYER" })).toBeUndefined();
  });
});
