const patterns: readonly [RegExp, string][] = [
  // JSON web tokens, OpenAI's keys.
  [/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, "(token)"],
  [/\bsk-[\w*-]{6,}/g, "(key)"],
  [/\b(\d{1,3}\.\d{1,3})\.\d{1,3}\.\d{1,3}\b/g, "$1.x.x"],
  [/\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b/gi, "(address)"],
  [/(?<![\w:])(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?::(?:[0-9a-f]{1,4}:)*[0-9a-f]{1,4}(?!\w)/gi, "(address)"],
  // OpenAI's names of whose key it is stand in its errors.
  [/\b(?:org|proj|user)-[A-Za-z0-9]{8,}|\bproj_[A-Za-z0-9]{8,}/g, "(account)"],
];

/** The text without keys, tokens and whole addresses. `secrets`: what must not be in it whatever it looks like. */
export const redact = (text: string, secrets: readonly string[]): string => {
  const known = secrets.filter((secret) => secret.length > 0);
  const without = known.reduce((rest, secret) => rest.replaceAll(secret, "(key)"), text);
  return patterns.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), without);
};

/** The same for every text in a value of JSON. */
export const redactAll = (value: unknown, secrets: readonly string[]): unknown => {
  if (typeof value === "string") return redact(value, secrets);
  if (Array.isArray(value)) return value.map((item) => redactAll(item, secrets));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactAll(item, secrets)]));
};
