import { afterEach, expect, test, vi } from "vitest";
import { handler } from "../../functions/tools/get-current-time.ts";
import { requestOf } from "./tool-request.ts";

afterEach(() => vi.useRealTimers());

const at = (iso: string) => vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(iso) });

test.each([
  [
    "2026-01-31T23:05:00Z",
    {},
    {
      date: "2026-01-31",
      time: "23:05",
      weekday: "Saturday",
      time_zone: "UTC",
      offset: expect.stringMatching(/^GMT(?:\+00:00)?$/),
    },
  ],
  [
    "2026-01-31T23:05:00Z",
    { time_zone: "Europe/Berlin" },
    { date: "2026-02-01", time: "00:05", weekday: "Sunday", time_zone: "Europe/Berlin", offset: "GMT+01:00" },
  ],
  [
    "2026-07-04T12:00:00Z",
    { time_zone: "America/New_York" },
    { date: "2026-07-04", time: "08:00", weekday: "Saturday", time_zone: "America/New_York", offset: "GMT-04:00" },
  ],
])("at %s, asked with %o, it says %o", async (iso, args, told) => {
  at(iso);
  expect(await handler(requestOf("get_current_time", args))).toEqual(told);
});

test.each(["Berlin", "", "Mars/Olympus"])(
  "the time zone %o is refused with examples of such names",
  async (time_zone) => {
    const told = handler(requestOf("get_current_time", { time_zone }));
    await expect(told).rejects.toThrow(/time_zone: is no IANA time zone; such names are Europe\/Berlin/);
  },
);
