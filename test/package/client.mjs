// Exits with 0 if the client comes by `import` and by `require`, and `events`, which is types only, can be named by both.
import { createRequire } from "node:module";
import { AgentsApiError, createAgentsClient } from "stream-agent-bridge/client";

const require = createRequire(import.meta.url);
const required = require("stream-agent-bridge/client");
await import("stream-agent-bridge/events");
require("stream-agent-bridge/events");

const url = "http://127.0.0.1:9";
const imported = await createAgentsClient({ url, key: "key" })
  .list({ type: "default", id: "1" })
  .catch((error) => error);
const other = await required
  .createAgentsClient({ url, key: "key" })
  .list({ type: "default", id: "1" })
  .catch((error) => error);
const isSame = imported instanceof AgentsApiError && other instanceof required.AgentsApiError;
process.stdout.write(JSON.stringify([imported.code, other.code]));
process.exitCode = isSame ? 0 : 1;
