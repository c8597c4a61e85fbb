import { spanOf } from "../../cli/terminal.ts";
import { type Check, type Finding, ok, problem, warn } from "../check.ts";
import type { Patient } from "../patient.ts";

const streamUrl = "https://video.stream-io-api.com";
const requestMs = 10_000;
/** Dates in answers have whole seconds, and take their way. */
const noticedMs = 30_000;
/** AWS refuses what is signed with a time that is 5 minutes off. */
const refusedMs = 240_000;

/** How much the clock of whoever answers there is ahead of ours; undefined where nobody does, or does not say. */
const aheadMsOf = async (url: string, now: () => number): Promise<number | undefined> => {
  try {
    const { headers } = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(requestMs) });
    const dateMs = Date.parse(headers.get("date") ?? "");
    return Number.isNaN(dateMs) ? undefined : dateMs - now();
  } catch {
    return undefined; // That nobody answers is what other checks tell of.
  }
};

export const clockFinding = (aheadMs: number, whose: string): Finding => {
  if (Math.abs(aheadMs) < noticedMs) return ok(`this machine's agrees with ${whose}`);
  const told = `this machine's clock is ${spanOf(Math.abs(aheadMs))} ${aheadMs > 0 ? "behind" : "ahead of"} ${whose}`;
  const mend = "set the clock by NTP (timedatectl set-ntp true)";
  return Math.abs(aheadMs) < refusedMs ? warn(told, mend) : problem(`${told}: what it signs is refused`, mend);
};

/** The clock that everything here is compared with. */
export const clockChecks = ({ deployment, now }: Patient): Check[] => [
  {
    id: "clocks",
    title: "Clocks",
    run: async () => {
      const { agentsUrl, streamBaseUrl } = await deployment();
      const [stream, aws] = await Promise.all([aheadMsOf(streamBaseUrl ?? streamUrl, now), aheadMsOf(agentsUrl, now)]);
      if (stream !== undefined) return clockFinding(stream, "Stream's");
      return aws === undefined
        ? { state: "skipped", message: "neither Stream nor AWS told its time" }
        : clockFinding(aws, "AWS's");
    },
  },
];
