/**
 * The words of which somebody heard `heardMs` out of `receivedMs` of sound, by estimate: nobody knows where in the sound a word
 * is. Ends at a word's end, with "…" where something is missing.
 */
export const heardText = (text: string, heardMs: number, receivedMs: number): string => {
  if (heardMs <= 0 || receivedMs <= 0) return "";
  if (heardMs >= receivedMs) return text;
  const at = Math.floor((text.length * heardMs) / receivedMs);
  // A word that was begun is taken for heard.
  const rest = text.slice(at).search(/\s/);
  if (rest < 0) return text;
  const heard = text.slice(0, at + rest).trimEnd();
  return heard === "" ? "" : `${heard}…`;
};
