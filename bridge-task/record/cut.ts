/** The text, at most so many UTF-16 units of it; "…" where something is missing. Never ends within a letter. */
export const cut = (text: string, maxLength: number): string => {
  if (text.length <= maxLength) return text;
  const isWithinPair = /[\uD800-\uDBFF]/.test(text.charAt(maxLength - 2));
  return `${text.slice(0, maxLength - (isWithinPair ? 2 : 1))}…`;
};
