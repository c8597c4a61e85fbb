import { build } from "esbuild";

/** What protobuf-ts, the runtime of Stream's own client, says of one field. */
export interface OfficialField {
  no: number;
  name: string;
  kind: "scalar" | "enum" | "message" | "map";
  /** scalar: a number of protobuf-ts' ScalarType; enum: () => [name, values, prefix]; message: () => type. */
  T: unknown;
  /** 0 single, 1 packed, 2 unpacked. */
  repeat?: number;
  oneof?: string;
}

export interface OfficialMessage {
  typeName: string;
  fields: OfficialField[];
}

export interface OfficialMethod {
  name: string;
  I: OfficialMessage;
  O: OfficialMessage;
}

/**
 * Stream's own description of its SFU protocol, by full message name, as the official client package carries it. The
 * package exports only part of it, so its sources are bundled here, for the test and in memory.
 */
export const loadOfficialProtocol = async (): Promise<{
  messages: ReadonlyMap<string, OfficialMessage>;
  methods: readonly OfficialMethod[];
}> => {
  const folder = "@stream-io/video-client/src/gen/video/sfu";
  const files = ["event/events", "models/models", "signal_rpc/signal"];
  const { outputFiles } = await build({
    stdin: {
      contents: files
        .map((file, index) => `export * as part${index} from "./node_modules/${folder}/${file}.ts";`)
        .join(""),
      resolveDir: process.cwd(),
    },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const parts: Record<string, Record<string, unknown>> = await import(
    `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`
  );
  const exported = Object.values(parts).flatMap((part) => Object.values(part));
  const messages = exported.filter(
    (value): value is OfficialMessage =>
      typeof value === "object" && value !== null && "typeName" in value && "fields" in value,
  );
  const service = exported.find(
    (value): value is { methods: OfficialMethod[] } =>
      typeof value === "object" && value !== null && "methods" in value && "typeName" in value,
  );
  return {
    messages: new Map(messages.map((message) => [message.typeName, message])),
    methods: service?.methods ?? [],
  };
};
