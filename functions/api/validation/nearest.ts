/** As people mistype names: "idle_timeout" and "idletimeout" are "idleTimeout". */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[_\-\s]/g, "");

/** Edits (insert, delete, replace, swap of neighbours) that make one text of the other. */
export const editDistance = (from: string, to: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const replaced = (last[column - 1] ?? 0) + (isSame ? 0 : 1);
      const isSwapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, current];
  }
  return last[to.length] ?? 0;
};

/** Names longer than this are nobody's slip of the pen, and comparing them would cost time. */
const longestComparedChars = 64;

/** The known name that is closest to what was written; undefined where there are none. */
export const nearest = (written: string, known: readonly string[]): string | undefined => {
  const compared = plain(written.slice(0, longestComparedChars));
  const ranked = known.map((name) => ({ name, distance: editDistance(compared, plain(name)) }));
  return ranked.toSorted((a, b) => a.distance - b.distance)[0]?.name;
};
