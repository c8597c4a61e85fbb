/** dynalite ships no types; this is the part of it that the local cloud uses. */
declare module "dynalite" {
  import type { Server } from "node:http";

  /** A server that is not listening yet. Times are how long a table stays in CREATING and the like, in milliseconds. */
  function dynalite(options?: { createTableMs?: number; deleteTableMs?: number; updateTableMs?: number }): Server;
  export = dynalite;
}
