import { type DispatchParts, dispatchEnvironment, dispatchSecrets, dispatchStatements } from "./dispatch.ts";
import { createFunction } from "./function.ts";

const variables = [...dispatchSecrets, "AGENTS_API_KEY"];

/**
 * The one thing that is open to the internet: Stream's events, which are signed, and the HTTP API, which asks for its key. It
 * answers before Stream gives up (6 s); memory is processor time, and its start is part of the wait for the first word.
 */
export const createWebhook = (parts: DispatchParts) => {
  const { fn, logGroup } = createFunction(
    "Webhook",
    {
      file: "functions/webhook.ts",
      description: "Stream's events and the HTTP API of the agents",
      timeoutSeconds: 10,
      memoryMb: 1024,
      environment: dispatchEnvironment(parts, variables),
      permissions: dispatchStatements(parts, variables),
      url: true,
    },
    parts.settings,
  );
  return { fn, logGroup, agentsUrl: fn.url.apply((url) => url.replace(/\/$/, "")) };
};
