import type { ToolManifest } from "../../functions/tools/manifest.ts";

/** The build puts the tools of functions/tools here; what runs from source has none. */
declare const __TOOL_MANIFEST__: ToolManifest;

/** The tools that were deployed with this bridge. */
export const toolManifest: ToolManifest = typeof __TOOL_MANIFEST__ === "undefined" ? [] : __TOOL_MANIFEST__;
