/** Where a command writes: data for people or programs to `out`, all else to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

export const printJson = (terminal: Terminal, value: unknown): void =>
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);

const widthOf = (rows: readonly (readonly string[])[], column: number): number =>
  Math.max(...rows.map((row) => row[column]?.length ?? 0));

/** Columns of equal width, two spaces between them; nothing after the last. */
export const tableOf = (head: readonly string[], body: readonly (readonly string[])[]): string => {
  const rows = [head, ...body];
  const widths = head.map((_, column) => widthOf(rows, column));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${rows.map(line).join("\n")}\n`;
};

/** How long something lasts, for people: "12 s", "3 min 05 s", "2 h 07 min". */
export const spanOf = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${two(Math.floor((seconds % 3_600) / 60))} min`;
};
