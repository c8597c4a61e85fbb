// Exits with 0 if `import` and `require` give the very same things, and prints their names.
import { createRequire } from "node:module";

const required = createRequire(import.meta.url)("stream-agent-bridge");
const imported = { ...(await import("stream-agent-bridge")) };
const names = Object.keys(required).toSorted();
const isSame =
  names.length === Object.keys(imported).length && names.every((name) => imported[name] === required[name]);
process.stdout.write(JSON.stringify(names));
process.exitCode = isSame ? 0 : 1;
