import { CoordinatorError } from "../../bridge-task/stream/errors.ts";
import { StreamCall } from "../../bridge-task/stream/stream-call.ts";
import { requestAsUser } from "../../bridge-task/stream/user-request.ts";
import { callType, type Stage } from "./stage.ts";
import type { Steps } from "./steps.ts";

const requestsMs = 20_000;
const joinMs = 30_000;
/** Sound that nobody asked for comes within a moment or not at all. */
const unaskedMs = 4_000;
const blockMs = 8_000;

/** The status of a request that is expected to be refused; 200 where it was not. */
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 200,
    (error: unknown) => {
      if (error instanceof CoordinatorError && error.status !== undefined) return error.status;
      const { metadata } = (error ?? {}) as { metadata?: { responseCode?: unknown } };
      if (typeof metadata?.responseCode === "number") return metadata.responseCode;
      throw error;
    },
  );

const userOf = async (stage: Stage, id: string) => {
  const payload = { filter_conditions: { id: { $eq: id } }, limit: 1 };
  const user = (await stage.client.queryUsers({ payload })).users.find((one) => one.id === id);
  return { name: user?.name, custom: { ...user?.custom } as Record<string, unknown> };
};

/** The app answers, users and the call are there, and an existing user becomes an agent by the bridge's own request. */
const prepare = async (stage: Stage): Promise<void> => {
  const { client, names, seen } = stage;
  await client.getApp();
  seen.noted.appHeard = true;
  const people = [names.app, names.caller, names.guest].map((id) => ({ id }));
  // Noted before it is asked for: an answer that is lost leaves them behind all the same.
  for (const id of [...people.map((one) => one.id), names.agent]) stage.madeUsers.add(id);
  await client.upsertUsers([...people, { id: names.agent, name: "Live check", custom: { keeps: "this" } }]);
  stage.madeCalls.add(names.call);
  await stage.call().getOrCreate({ data: { created_by_id: names.app, custom: stage.custom } });
  const coordinator = stage.coordinator(names.agent);
  const asAgent = { id: names.agent, custom: { agent: true } };
  await client.updateUsersPartial({ users: [{ id: asAgent.id, set: asAgent.custom }] });
  await coordinator.call();
  seen.noted.userAfterPatch = await userOf(stage, names.agent);
};

/** The guest's voice is taken and given back; what the next join may do tells whether it worked. */
const changeRights = async (stage: Stage): Promise<void> => {
  const coordinator = stage.coordinator(stage.names.guest);
  await stage.call().updateUserPermissions({ user_id: stage.names.guest, revoke_permissions: ["send-audio"] });
  const revoked = (await coordinator.join()).capabilities;
  await coordinator.grant(["send-audio"]);
  stage.seen.noted.capabilities = { revoked, granted: (await coordinator.join()).capabilities };
};

/** What must be refused: a token of another call, an event of nobody's, a call that is in backstage. */
const askForRefusals = async (stage: Stage): Promise<void> => {
  const { client, names, seen } = stage;
  const url = new URL(`${stage.videoUrl}/api/v2/video/call/${callType}/${names.call}/join`);
  url.searchParams.set("api_key", client.apiKey);
  const call_cids = [`${callType}:${names.call}-other`];
  const join = requestAsUser({
    what: "joining with another call's token",
    method: "POST",
    url,
    token: client.generateCallToken({ user_id: names.guest, call_cids }),
    body: { location: "auto" },
    signal: AbortSignal.timeout(requestsMs),
  });
  seen.noted.foreignToken = { status: await statusOf(join) };
  const event = stage.call().sendCallEvent({ user_id: `${names.call}-nobody`, custom: { type: "live-check" } });
  seen.noted.nobodysEvent = { status: await statusOf(event) };
  const backstage = `${names.call}-backstage`;
  stage.madeCalls.add(backstage);
  await stage.call(backstage).getOrCreate({
    data: { created_by_id: names.app, custom: stage.custom, settings_override: { backstage: { enabled: true } } },
  });
  let isAllowed = false;
  const joinBackstage = stage.coordinator(names.guest, backstage).join();
  const status = await statusOf(
    joinBackstage.then(({ capabilities }) => {
      isAllowed = capabilities.includes("join-backstage");
    }),
  );
  seen.noted.backstageJoin = { status, isAllowed };
};

/** A guest joins whose wishes for sound never reach the SFU, and is blocked. */
const blockGuest = async (stage: Stage): Promise<void> => {
  const { names, seen, tap } = stage;
  tap.withholdsSubscriptionsOf = names.guest;
  const guest = await StreamCall.join({
    streamClient: stage.client,
    call: { type: callType, id: names.call },
    user: { id: names.guest },
    logger: stage.logger,
  });
  try {
    let packets = 0;
    const heard = Promise.withResolvers<void>();
    guest.on("audio", () => {
      packets += 1;
      if (packets >= 10) heard.resolve();
    });
    const enough = setTimeout(() => heard.resolve(), unaskedMs);
    await heard.promise.finally(() => clearTimeout(enough));
    // Sound that was asked for after all would prove nothing.
    if (tap.withheldCount > 0) seen.noted.unaskedPackets = packets;
    const out = new Promise<string>((resolve) => guest.on("closed", ({ cause }) => resolve(cause)));
    await stage.call().blockUser({ user_id: names.guest });
    const late = new Promise<string>((resolve) => setTimeout(resolve, blockMs, "still in the call").unref());
    seen.noted.guestOut = { cause: await Promise.race([out, late]) };
  } finally {
    tap.withholdsSubscriptionsOf = undefined;
    await guest.leave("the check is over");
  }
};

export const prepareCall = async (stage: Stage, steps: Steps): Promise<void> => {
  await steps.run({ name: "app, users, call", timeoutMs: requestsMs, work: () => prepare(stage) });
  const needs = ["app, users, call"];
  await steps.run({ name: "rights", timeoutMs: requestsMs, needs, work: () => changeRights(stage) });
  await steps.run({ name: "refusals", timeoutMs: requestsMs, needs, work: () => askForRefusals(stage) });
};

export const checkGuest = async (stage: Stage, steps: Steps): Promise<void> => {
  const work = () => blockGuest(stage);
  await steps.run({ name: "guest without subscriptions, blocked", timeoutMs: joinMs, needs: ["caller joins"], work });
  stage.seen.noted.userAfterSocket = await userOf(stage, stage.names.agent).catch(() => undefined);
};
