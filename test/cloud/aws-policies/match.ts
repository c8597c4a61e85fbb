/** Whether `text` is what `pattern` says: `*` stands for any text, `?` for one character, all else for itself. */
export const matchesPattern = (pattern: string, text: string): boolean => {
  let [at, in_] = [0, 0];
  /** Where to go on when the text after the latest `*` does not fit. */
  let [starAt, starIn] = [-1, 0];
  while (in_ < text.length) {
    if (at < pattern.length && pattern[at] === "*") {
      [starAt, starIn] = [at, in_];
      at += 1;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[in_])) {
      at += 1;
      in_ += 1;
    } else if (starAt >= 0) {
      starIn += 1;
      [at, in_] = [starAt + 1, starIn];
    } else return false;
  }
  return /^\**$/.test(pattern.slice(at));
};

/** The last of an ARN's six parts may hold colons itself. */
const arnParts = (arn: string): string[] => {
  const parts = arn.split(":");
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
};

/** ArnLike: each of the six parts is matched for itself, so that no `*` reaches over a colon into another account. */
export const matchesArn = (pattern: string, arn: string): boolean => {
  const [wanted, given] = [arnParts(pattern), arnParts(arn)];
  return wanted.length === given.length && wanted.every((part, index) => matchesPattern(part, given[index] ?? ""));
};
