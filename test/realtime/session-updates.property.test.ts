import fc from "fast-check";
import type { SessionUpdateEvent } from "openai/resources/realtime/realtime";
import { expect, it } from "vitest";
import { silentLogger } from "../../bridge-task/log.ts";
import { splitSession } from "../../bridge-task/realtime/session/repair.ts";
import { SessionUpdates } from "../../bridge-task/realtime/session/updates.ts";

type Session = SessionUpdateEvent["session"] & { type: "realtime" };

const names = [
  "instructions",
  "tool_choice",
  "input.transcription",
  "input.noise_reduction",
  "output.voice",
  "output.speed",
];
const pathOf = (name: string) => (name.includes(".") ? `audio.${name}` : name);
const sessionOf = (values: Record<string, number>): Session => {
  const audio: Record<string, Record<string, number>> = {};
  const top: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    const [side = "", key] = name.split(".");
    if (key === undefined) top[name] = value;
    else audio[side] = { ...audio[side], [key]: value };
  }
  return { type: "realtime", ...top, ...(Object.keys(audio).length > 0 ? { audio } : {}) } as unknown as Session;
};
/** Each setting's name and value. */
const settingsOf = (session: object): [string, unknown][] =>
  names.flatMap((name) => {
    const value = pathOf(name)
      .split(".")
      .reduce<unknown>((tree, key) => (tree as Record<string, unknown> | undefined)?.[key], session);
    return value === undefined ? [] : [[name, value]];
  });

const isBad = (value: unknown) => (value as number) % 3 === 0;

/** Takes an update whole or refuses it whole, in order, and names what is wrong well, badly or not at all. */
class Server {
  readonly config = new Map<string, unknown>();
  /** Each setting with each value that was ever in force. */
  readonly taken = new Set<string>();
  readonly inbox: SessionUpdateEvent[] = [];

  answer(updates: SessionUpdates, naming: "exact" | "none" | "group"): void {
    const event = this.inbox.shift();
    if (event === undefined) return;
    const settings = settingsOf(event.session);
    const bad = settings.find(([, value]) => isBad(value));
    if (bad === undefined) {
      for (const [name, value] of settings) {
        this.config.set(name, value);
        this.taken.add(`${name} ${value}`);
      }
      updates.acknowledge();
      return;
    }
    const exact = `session.${pathOf(bad[0])}`;
    const param = { exact, none: undefined, group: exact.split(".").slice(0, -1).join(".") }[naming];
    updates.refuse(event.event_id ?? "", param);
  }
}

const update = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max: 1_000 }), { minKeys: 1 });
const step = fc.oneof(
  fc.record({ type: fc.constant("update" as const), values: update }),
  fc.record({
    type: fc.constant("answer" as const),
    naming: fc.constantFrom("exact" as const, "none" as const, "group" as const),
  }),
);

const start = () => {
  const server = new Server();
  const updates = new SessionUpdates({
    send: (event) => server.inbox.push(event),
    onSettled: () => {},
    logger: silentLogger,
  });
  return { server, updates };
};

it("a refused update loses the refused settings and nothing else, and tells which", async () => {
  await fc.assert(
    fc.asyncProperty(
      update,
      fc.infiniteStream(fc.constantFrom("exact" as const, "none" as const, "group" as const)),
      async (values, naming) => {
        const { server, updates } = start();
        const lost = updates.send(sessionOf(values));
        for (let answers = 0; !updates.isSettled; answers += 1) {
          expect(answers).toBeLessThan(50);
          server.answer(updates, naming.next().value);
        }
        expect(Object.fromEntries(server.config)).toEqual(
          Object.fromEntries(Object.entries(values).filter(([, value]) => !isBad(value))),
        );
        const bad = Object.entries(values).flatMap(([name, value]) => (isBad(value) ? [pathOf(name)] : []));
        expect((await lost).map(({ field }) => field).toSorted()).toEqual(bad.toSorted());
      },
    ),
    { numRuns: 1_000 },
  );
});

it("the newest value of each setting that the server takes is in force, however updates and refusals cross", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const { server, updates } = start();
      const sent: { values: Record<string, number>; lost: ReturnType<SessionUpdates["send"]> }[] = [];
      const asked = new Map<string, number[]>();
      for (const each of steps) {
        if (each.type === "answer") server.answer(updates, each.naming);
        else {
          for (const [name, value] of Object.entries(each.values)) asked.set(name, [...(asked.get(name) ?? []), value]);
          sent.push({ values: each.values, lost: updates.send(sessionOf(each.values)) });
        }
      }
      for (let answers = 0; !updates.isSettled; answers += 1) {
        expect(answers).toBeLessThan(2_000);
        server.answer(updates, "none");
      }
      for (const [name, values] of asked) {
        const newest = values.at(-1);
        // A newer value that is refused after an older one gave way to it leaves what was there before.
        if (!isBad(newest)) expect(server.config.get(name)).toBe(newest);
        else if (server.config.has(name)) expect(values).toContain(server.config.get(name));
      }
      for (const { values, lost } of sent) {
        const fields = (await lost).map(({ field }) => field);
        for (const [name, value] of Object.entries(values)) {
          if (fields.includes(pathOf(name))) continue;
          expect(server.taken, "what is told to be in force was taken").toContain(`${name} ${value}`);
        }
      }
      updates.close();
    }),
    { numRuns: 1_000 },
  );
});

it("an update is the sum of what it is split into", () => {
  fc.assert(
    fc.property(update, (values) => {
      const whole = sessionOf(values);
      const parts = splitSession(whole);
      expect(parts.flatMap(settingsOf).sort()).toEqual(settingsOf(whole).sort());
      for (const part of parts) expect(settingsOf(part)).toHaveLength(1);
    }),
  );
});
