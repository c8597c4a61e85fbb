import type { Properties } from "./protocol.ts";

/** The member that marks a wrapped value in Pulumi's wire format, and what marks a secret. */
const signatureKey = "4dabf18193072939515e22adb298388d";

/** A file on this machine in the place of an asset. */
export interface AssetFile {
  assetFile: string;
}

const isAsset = (value: object): value is { path: string | Promise<string> } =>
  "__pulumiAsset" in value || "__pulumiArchive" in value;

/** JSON of what the program passed: secrets unwrapped, assets as the path of their file, nothing undefined. */
export const plain = async (value: unknown): Promise<unknown> => {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  if (isAsset(value)) return { assetFile: await value.path } satisfies AssetFile;
  if (signatureKey in value && "value" in value) return plain(value.value);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(await Promise.all(entries.map(async ([name, member]) => [name, await plain(member)])));
};

export const plainProperties = async (value: unknown): Promise<Properties> =>
  ((await plain(value)) ?? {}) as Properties;
