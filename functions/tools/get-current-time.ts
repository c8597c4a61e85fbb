import * as z from "zod";
import { defineTool, toolHandler } from "./define-tool.ts";

const isTimeZone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false; // RangeError: Intl knows no such zone, which is what is asked.
  }
};

export const definition = defineTool({
  name: "get_current_time",
  description:
    "Says what date and time it is now. Use it before you speak of today, tomorrow, or how long something takes.",
  input: z.object({
    time_zone: z
      .string()
      .refine(isTimeZone, "is no IANA time zone; such names are Europe/Berlin, America/New_York or UTC")
      .default("UTC")
      .describe("IANA name of the time zone, e.g. Europe/Berlin; UTC when the person's is not known"),
  }),
  timeout: "5 seconds",
});

const inZone = (at: Date, timeZone: string): Record<string, string> => {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "long",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  }).formatToParts(at);
  return Object.fromEntries(parts.map(({ type, value }) => [type, value]));
};

export const handler = toolHandler(definition, ({ time_zone }) => {
  const { weekday, year, month, day, hour, minute, timeZoneName } = inZone(new Date(), time_zone);
  return { date: `${year}-${month}-${day}`, time: `${hour}:${minute}`, weekday, time_zone, offset: timeZoneName };
});
