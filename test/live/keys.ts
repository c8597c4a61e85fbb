import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { InvalidInputError, messageOf } from "../../bridge-task/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Who is asked for a key. */
export type LiveService = "stream" | "openai";

export interface LiveKeys {
  streamApiKey: string;
  streamApiSecret: string;
  /** Empty where `services` left OpenAI out; so are Stream's two where it left Stream out. */
  openAiApiKey: string;
  /** Another server than Stream's own. */
  streamBaseUrl?: string;
  /** Another OpenAI-compatible server: https, ends in /v1. */
  openAiBaseUrl?: string;
  /** PEM file of an authority beside those that Node trusts. */
  caFile?: string;
}

export interface ReadKeysOptions {
  /** Default: `.env` of the project; it need not exist. */
  envFile?: string;
  /** Default: process.env. What it says goes before the file. */
  environment?: Environment;
  /** Default: both. */
  services?: readonly LiveService[];
}

const projectFile = path.resolve(import.meta.dirname, "../../.env");

/** Where each key is found, for those who look for it. */
const sources: Readonly<Record<string, { service: LiveService; where: string }>> = {
  STREAM_API_KEY: { service: "stream", where: "the app's page of dashboard.getstream.io" },
  STREAM_API_SECRET: { service: "stream", where: "the same page" },
  OPENAI_API_KEY: { service: "openai", where: "platform.openai.com/api-keys" },
};

const readFile = (file: string): Environment => {
  if (!existsSync(file)) return {};
  try {
    // Editors on Windows begin a file with a byte order mark, which would be part of the first name.
    return parseEnv(readFileSync(file, "utf8").replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new InvalidInputError(`${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
};

/** What .env and the environment say of a variable, trimmed; empty where neither has it. Throws InvalidInputError where the file cannot be read. */
export const readVariables = (
  options: Pick<ReadKeysOptions, "envFile" | "environment"> = {},
): ((name: string) => string) => {
  const { envFile = projectFile, environment = process.env } = options;
  const file = readFile(envFile);
  return (name) => environment[name]?.trim() || file[name]?.trim() || "";
};

const isUrl = (value: string): boolean => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

/** The keys for the real services, from the environment and `.env`. Throws InvalidInputError that names each one that is missing. */
export const readKeys = (options: ReadKeysOptions = {}): LiveKeys => {
  const { services = ["stream", "openai"] } = options;
  const given = readVariables(options);
  const wanted = Object.entries(sources).filter(([, { service }]) => services.includes(service));
  const missing = wanted.filter(([name]) => given(name) === "");
  if (missing.length > 0) {
    const list = missing.map(([name, { where }]) => `  ${name}   (${where})`).join("\n");
    const example = wanted.map(([name]) => `  ${name}=…`).join("\n");
    throw new InvalidInputError(
      `Keys are missing:\n${list}\n\nPut them into the environment, or as lines into the file .env of this folder, which git ignores:\n${example}`,
    );
  }
  const odd = wanted.find(([name]) => /[^\x20-\x7e]/.test(given(name)));
  if (odd)
    throw new InvalidInputError(`${odd[0]} holds a character that no key has: copy it again from ${odd[1].where}`);
  const url = (name: string): string => {
    const value = given(name).replace(/\/+$/, "");
    if (value !== "" && !isUrl(value)) throw new InvalidInputError(`${name} must be an http or https URL`);
    return value;
  };
  const [streamBaseUrl, openAiBaseUrl] = [url("STREAM_BASE_URL"), url("OPENAI_BASE_URL")];
  const caFile = given("NODE_EXTRA_CA_CERTS");
  return {
    streamApiKey: given("STREAM_API_KEY"),
    streamApiSecret: given("STREAM_API_SECRET"),
    openAiApiKey: given("OPENAI_API_KEY"),
    ...(streamBaseUrl ? { streamBaseUrl } : {}),
    ...(openAiBaseUrl ? { openAiBaseUrl } : {}),
    ...(caFile ? { caFile } : {}),
  };
};
