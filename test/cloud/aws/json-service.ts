import type { Need } from "./authorization.ts";
import type { Json } from "./json.ts";

/** One action of a service that speaks awsJson1.1. */
export interface JsonAction {
  /** What the caller must be allowed; nothing is done before that is known. */
  needs(input: Json): Need[];
  /** Throws AwsError for what the service refuses. */
  perform(input: Json, accessKeyId: string): Json;
}

/** A service whose actions are named in X-Amz-Target: `${target}.${action}`. */
export interface JsonService {
  target: string;
  actions: Readonly<Record<string, JsonAction>>;
}
