import type { AgentPhase, AgentView, Line, Milestone } from "./agent-state.ts";
import type { Attendant } from "./join.ts";
import type { Problem } from "./problems.ts";

/** The element with that id, as the type it must have. Throws when index.html and this code disagree. */
export const element = <T extends HTMLElement>(id: string, type: new () => T): T => {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`index.html has no ${type.name} with the id "${id}"`);
};

const phaseWords: Record<AgentPhase, string> = {
  absent: "Nobody there yet",
  joining: "Joining …",
  listening: "Listening",
  thinking: "Thinking …",
  speaking: "Speaking",
  using_tool: "Using a tool …",
  gone: "It has left the call",
};

/** Why it left, where the word alone does not tell. */
const reasonWords: Record<string, string> = {
  idle: "nobody was there any more",
  waited: "nobody came",
  kicked: "it was removed from the call",
  removed: "it was sent away",
  left: "it wanted to",
};

const wordsOf = ({ phase, tool, end }: AgentView): string => {
  if (end?.exitCode) return `It failed (${end.reason ?? "crashed"}, exit code ${end.exitCode})`;
  if (end?.reason) return `${phaseWords.gone}: ${reasonWords[end.reason] ?? end.reason.replaceAll("_", " ")}`;
  return phase === "using_tool" && tool !== null ? `Using ${tool} …` : phaseWords[phase];
};

const make = (tag: string, properties: { className?: string; text?: string } = {}): HTMLElement => {
  const made = document.createElement(tag);
  made.className = properties.className ?? "";
  made.textContent = properties.text ?? "";
  return made;
};

const setText = (target: Element | null, text: string): void => {
  // Unchanged text must not be written: screen readers would read it again.
  if (target && target.textContent !== text) target.textContent = text;
};

const showMilestones = (milestones: readonly Milestone[]): void => {
  const list = element("milestones", HTMLOListElement);
  const startedAtMs = milestones[0]?.atMs ?? 0;
  // Fewer than before: the agent comes again.
  if (milestones.length < list.childElementCount) list.replaceChildren();
  for (const { name, atMs } of milestones.slice(list.childElementCount)) {
    const item = document.createElement("li");
    item.append(make("span", { text: name }), make("time", { text: `${Math.round(atMs - startedAtMs)} ms` }));
    list.append(item);
  }
};

const whoSaid = (line: Line): string =>
  line.speaker === "person" ? "Caller" : line.status === "interrupted" ? "Agent, interrupted" : "Agent";

const showLine = (list: HTMLOListElement, line: Line): void => {
  let item = list.querySelector<HTMLLIElement>(`li[data-id="${CSS.escape(line.id)}"]`);
  if (!item) {
    item = document.createElement("li");
    item.dataset.id = line.id;
    item.dataset.speaker = line.speaker;
    item.append(
      make("span", { className: "who" }),
      make("span", { className: "words" }),
      make("span", { className: "who latency" }),
    );
    list.append(item);
  }
  const [who = null, words = null, latency = null] = item.children;
  item.dataset.status = line.status;
  const unheard = line.speaker === "person" && line.status === "complete" && line.text === "";
  setText(who, whoSaid(line));
  words?.classList.toggle("unheard", unheard);
  setText(words, unheard ? "spoken; the script does not understand words" : line.text);
  setText(
    latency,
    line.answeredAfterMs === null ? "" : `heard ${Math.round(line.answeredAfterMs)} ms after you stopped`,
  );
};

const shownLines = new WeakSet<Line>();

const showLines = (lines: readonly Line[]): void => {
  const list = element("lines", HTMLOListElement);
  const ids = new Set(lines.map(({ id }) => id));
  for (const item of list.querySelectorAll<HTMLLIElement>("li")) if (!ids.has(item.dataset.id ?? "")) item.remove();
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  for (const line of lines) {
    if (shownLines.has(line)) continue;
    showLine(list, line);
    shownLines.add(line);
  }
  if (atEnd) list.scrollTop = list.scrollHeight;
};

/** Puts the agent's state, its way into the call and the words on the page. */
export const showAgent = (view: AgentView): void => {
  const orb = element("orb", HTMLDivElement);
  orb.dataset.phase = view.phase;
  setText(element("phase", HTMLParagraphElement), wordsOf(view));
  showMilestones(view.milestones);
  showLines(view.lines);
};

/** The orb follows the agent's voice. */
export const showLevel = (levelDbfs: number): void => {
  const shown = Math.min(1, Math.max(0, (levelDbfs + 55) / 45));
  element("orb", HTMLDivElement).style.setProperty("--level", shown.toFixed(2));
};

export const showPeople = (people: readonly Attendant[], agentUserId: string | null): void => {
  const items = people.map(({ name, isSelf, isSpeaking, userId }) => {
    const role = isSelf ? " (you)" : userId === agentUserId ? " (agent)" : "";
    const item = make("li", { text: `${name}${role}` });
    item.dataset.speaking = String(isSpeaking);
    item.dataset.user = userId;
    return item;
  });
  element("people", HTMLUListElement).replaceChildren(...items);
};

let shownProblem: Problem | null = null;

/** One problem at a time, the newest. */
export const showProblem = (problem: Problem | null): void => {
  shownProblem = problem;
  element("problem", HTMLDivElement).hidden = problem === null;
  setText(element("problem-what", HTMLElement), problem?.what ?? "");
  setText(element("problem-remedy", HTMLElement), problem?.remedy ?? "");
};

/** That problem is over; another one that is shown stays. */
export const problemSolved = (problem: Problem): void => {
  if (shownProblem === problem) showProblem(null);
};

/** What can be done in the call: said, muted, left. */
export const showControls = (can: { say: boolean; act: boolean }): void => {
  element("send", HTMLButtonElement).disabled = !can.say;
  for (const id of ["mute", "leave"]) element(id, HTMLButtonElement).disabled = !can.act;
};

/** The person has left; what was said stays to be read. */
export const showOver = (): void => {
  showControls({ say: false, act: false });
  showPeople([], null);
  element("over", HTMLParagraphElement).hidden = false;
};

/** How somebody else gets into this call. */
export const showInvitation = (call: { type: string; id: string }): void => {
  element("invite", HTMLAnchorElement).href = `/?call=${encodeURIComponent(`${call.type}:${call.id}`)}`;
};

/** Shows either the form that starts a call, or the call. */
export const showPlace = (place: "lobby" | "room"): void => {
  element("lobby", HTMLElement).hidden = place !== "lobby";
  element("room", HTMLDivElement).hidden = place !== "room";
};

export const showMicrophone = (open: boolean): void => {
  const button = element("mute", HTMLButtonElement);
  button.setAttribute("aria-pressed", String(!open));
  setText(button, open ? "Mute" : "Unmute");
};
