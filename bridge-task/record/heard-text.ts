/** Before it ends what was heard: a space, or a letter of a script that writes words without any. */
const boundary =
  /[\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * The words of which somebody heard `heardMs` out of `receivedMs` of sound, by estimate: nobody knows where in the sound a word
 * is. Ends at a word's end, with "…" where something is missing.
 */
export const heardText = (text: string, heardMs: number, receivedMs: number): string => {
  if (heardMs <= 0 || receivedMs <= 0) return "";
  if (heardMs >= receivedMs) return text;
  const at = Math.ceil((text.length * heardMs) / receivedMs);
  // A word that was begun is taken for heard.
  const rest = text.slice(at).search(boundary);
  if (rest < 0) return text;
  const heard = text.slice(0, at + rest).trimEnd();
  return heard === "" ? "" : `${heard}…`;
};
