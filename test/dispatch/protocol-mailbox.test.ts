import { describe, expect, it } from "vitest";
import { type Input, type Mail, mailLimit } from "../../functions/dispatch/protocol.ts";
import { claimed, endedBy, Row, running, second } from "./protocol-row.ts";

describe("the mailbox", () => {
  const letter = (id: string, text = "hello"): Mail => ({ id, atMs: 0, kind: "message", text, respond: true });
  const send = (row: Row, mail: Mail) => row.take({ type: "mail", mail });

  it("takes letters for an agent that is there, or is coming", () => {
    expect(send(new Row(), letter("1"))).toBe("not_there");
    expect(send(claimed(), letter("1"))).toBe("sent");
    expect(send(endedBy("idle"), letter("1"))).toBe("not_there");
    const row = running();
    row.leave("removed");
    expect(send(row, letter("1"))).toBe("not_there");
  });

  it("holds each letter once, until it is acknowledged, and keeps the answer", () => {
    const row = running();
    send(row, letter("1"));
    expect(send(row, letter("1"))).toBe("sent");
    expect(row.now.mail.map(({ id }) => id)).toEqual(["1"]);
    const beat: Input = { type: "beat", launchId: "a", acknowledged: [{ id: "1", answer: { applied: ["voice"] } }] };
    expect(row.take(beat)).toBe("noted");
    expect(row.take(beat)).toBe("noted");
    expect(row.now).toMatchObject({ mail: [], answers: [{ id: "1", answer: { applied: ["voice"] } }] });
    expect(row.take({ ...beat, launchId: "x" })).toBe("replaced");
    row.end("a", "idle");
    expect(row.take(beat)).toBe("replaced");
  });

  it("is bounded in letters and in bytes", () => {
    const row = running();
    for (let count = 0; count < mailLimit; count++) expect(send(row, letter(`${count}`))).toBe("sent");
    expect(send(row, letter("one more"))).toBe("refused");
    expect(send(running(), letter("long", "ä".repeat(100_000)))).toBe("refused");
  });

  it("keeps the latest answers, within bounds", () => {
    const row = running();
    for (let count = 0; count < 12; count++) {
      send(row, letter(`${count}`));
      row.take({ type: "beat", launchId: "a", acknowledged: [{ id: `${count}`, answer: "x".repeat(10_000) }] });
    }
    expect(row.now.answers.map(({ id }) => id)).toEqual(["8", "9", "10", "11"]);
  });

  it("goes on to the next task after a crash, and is empty for a new stay", () => {
    const row = running();
    send(row, letter("1"));
    row.stop("a", "b");
    expect(row.now.mail.length).toBe(1);
    row.confirm("b");
    row.end("b", "idle");
    row.after(second).come("c");
    expect(row.now.mail).toEqual([]);
  });
});
