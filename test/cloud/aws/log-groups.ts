import { AwsError } from "./aws-error.ts";

/** A line in a log group. */
export interface LogLine {
  /** Ascending in the order of writing, across all groups. */
  seq: number;
  stream: string;
  atMs: number;
  line: string;
}

export interface LogGroup {
  name: string;
  createdAtMs: number;
  /** Kept for ever where it is missing. Nothing is deleted for its age here. */
  retentionInDays: number | undefined;
}

/** Each group keeps its newest lines: at least nine tenths of this many. */
const maxKeptLines = 10_000;

/** CloudWatch's log groups, in memory and bounded. */
export class LogGroups {
  readonly #groups = new Map<string, LogGroup & { lines: LogLine[] }>();
  #seq = 0;

  /** Throws AwsError if it is there. */
  create(name: string, { retentionInDays }: { retentionInDays?: number } = {}): void {
    if (this.#groups.has(name)) {
      throw new AwsError("ResourceAlreadyExistsException", "The specified log group already exists");
    }
    this.#groups.set(name, { name, createdAtMs: Date.now(), retentionInDays, lines: [] });
  }

  has(name: string): boolean {
    return this.#groups.has(name);
  }

  /** Whether there was one. */
  delete(name: string): boolean {
    return this.#groups.delete(name);
  }

  /** Sorted by name. */
  list(): LogGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A group that is missing is made, as Lambda does. */
  put(name: string, stream: string, line: string, atMs = Date.now()): void {
    if (!this.#groups.has(name)) this.create(name);
    const lines = this.#groups.get(name)?.lines;
    this.#seq += 1;
    lines?.push({ seq: this.#seq, stream, atMs: Math.round(atMs), line });
    if (lines !== undefined && lines.length > maxKeptLines) lines.splice(0, maxKeptLines / 10);
  }

  /** The lines of a group in the order of their times; throws AwsError for a group that is not there. */
  read(name: string): LogLine[] {
    const group = this.#groups.get(name);
    if (group === undefined) {
      throw new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
    }
    return group.lines.toSorted((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  }

  /** For tests: the lines that contain a text, of a group that need not be there. */
  lines(name: string, filterText = ""): string[] {
    if (!this.#groups.has(name)) return [];
    return this.read(name).flatMap(({ line }) => (line.includes(filterText) ? line : []));
  }
}
