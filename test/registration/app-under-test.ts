import { afterEach, beforeEach } from "vitest";
import type { Json } from "../../functions/registration/hook.ts";
import type { RegistrationReport, RegistrationRequest } from "../../functions/registration/types.ts";
import { type AppFaults, noAppFaults } from "../cloud/stream/coordinator/app.ts";
import type { StreamCloud } from "../cloud/stream/index.ts";
import { appOf, hookOfStage, hooksOn, perform, request, startStream, us } from "./fixture.ts";

/* A Stream of its own for each test of the file that imports this, and what is asked of it there. */

export let stream: StreamCloud;

beforeEach(async () => {
  stream = await startStream();
});
afterEach(() => stream.close());

export const settings = () => stream.coordinator.app.settings;
export const given = (app: Json) => stream.coordinator.app.restore(app);
export const breaks = (faults: Partial<AppFaults>) => {
  stream.coordinator.app.faults = { ...noAppFaults(), ...faults };
};
export const run = (asked: RegistrationRequest = request()): Promise<RegistrationReport> =>
  perform(appOf(stream.serverBaseUrl), asked);

export const ours = (overrides: Json = {}, calls: "all" | "own" = "all"): Json => hookOfStage("dev", overrides, calls);
export const isOurs = ({ webhook_url }: Json) => String(webhook_url).includes(`stage=dev&place=${us.place}`);
export const others = () => hooksOn(stream).filter((hook) => !isOurs(hook));
/** What is on the app beside our hook, without the dates of writing. */
export const beside = () => ({
  ...settings(),
  event_hooks: others().map(({ updated_at: _, ...hook }) => hook),
});
export const undated = (hooks: readonly Json[]) => hooks.map(({ updated_at: _, ...hook }) => hook);
