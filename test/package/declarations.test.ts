import { expect, test } from "vitest";
import { asCommonJs, importsOf } from "../../infra/build/package-types.ts";

const declarations = `import type { StreamClient } from "@stream-io/node-sdk";
import { type Logger } from "./log.ts";
import type {
    Update,
} from "../realtime/session.ts";
import "./globals.ts";
export * from "./generated/events_pb.js";
/** As in \`log("./log.ts")\`. */
export declare const open: (state: import("./state.ts").State) => Logger<"./log.ts">;
`;

test("What a declaration file takes from its own tree is found in every form of import.", () => {
  expect(importsOf(declarations)).toEqual([
    "./log",
    "../realtime/session",
    "./globals",
    "./generated/events_pb",
    "./state",
  ]);
});

test("Imports from its own tree are rewritten to CommonJS; packages and other texts stay.", () => {
  expect(asCommonJs(declarations)).toBe(`import type { StreamClient } from "@stream-io/node-sdk";
import { type Logger } from "./log.cjs";
import type {
    Update,
} from "../realtime/session.cjs";
import "./globals.cjs";
export * from "./generated/events_pb.cjs";
/** As in \`log("./log.ts")\`. */
export declare const open: (state: import("./state.cjs").State) => Logger<"./log.ts">;
`);
});
