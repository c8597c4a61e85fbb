import { type AgentEvent, type AgentView, follow, newCall } from "./agent-state.ts";
import type { Invitation } from "./invitation.ts";
import { type Attendant, Visit } from "./join.ts";
import { followEvents } from "./live-events.ts";
import { cloudLost, lineProblem, microphoneLost, microphoneProblem, type Problem } from "./problems.ts";
import { speechOf } from "./server-api.ts";
import type { Level } from "./sound-meter.ts";
import { agentLevel, noTurns, personLevel } from "./turn-latency.ts";
import * as view from "./view.ts";

/** One call from joining to leaving, what is known of its agent, and the buttons that act on it. */
export class Room {
  readonly #invitation: Invitation;
  readonly #stopEvents: () => void;
  #visit: Visit | undefined;
  #agent: AgentView;
  #people: readonly Attendant[] = [];
  #turns = noTurns;
  #audible = false;
  #over = false;

  constructor(invitation: Invitation) {
    this.#invitation = invitation;
    this.#agent = newCall(invitation.call);
    this.#stopEvents = followEvents(invitation.eventsUrl, {
      onEvent: (event) => this.#happened({ type: "cloud", event }),
      onLost: () => view.showProblem(cloudLost),
      onFound: () => view.problemSolved(cloudLost),
    });
    this.#show();
  }

  /** Rejects when the call cannot be joined. A microphone that cannot be opened is shown, not thrown. */
  async enter(withMicrophone: boolean): Promise<void> {
    this.#visit = await Visit.join(
      this.#invitation,
      {
        people: (people) => {
          this.#people = people;
          view.showPeople(people, this.#agent.agentUserId);
        },
        ownLevel: ({ levelDbfs, atMs }) => {
          this.#turns = personLevel(this.#turns, levelDbfs, atMs).state;
        },
        levelOf: (userId, level) => this.#hear(userId, level),
        told: (event) => this.#happened({ type: "told", event }),
        microphoneLost: () => this.#microphoneChanged(microphoneLost),
        left: () => {
          this.#over = true;
          view.showOver();
        },
      },
      { silent: !withMicrophone },
    );
    this.#show();
    if (withMicrophone) await this.#unmute();
    else this.#microphoneChanged();
  }

  async toggleMicrophone(): Promise<void> {
    if (!this.#visit?.microphoneOpen) return this.#unmute();
    await this.#visit.mute();
    this.#microphoneChanged();
  }

  /** Says a typed line into the call, or asks it. */
  async say(text: string): Promise<void> {
    const { sessionId } = this.#agent;
    if (!this.#visit) return;
    try {
      if (this.#invitation.typing === "asks") await this.#visit.ask(text);
      else if (sessionId !== null) await this.#visit.say(await speechOf(text, sessionId));
    } catch (error) {
      view.showProblem(lineProblem(error));
    }
  }

  /** Leaves the call and goes on watching what the agent does about it. */
  async leave(): Promise<void> {
    await this.#visit?.leave();
  }

  /** Ends the watching. */
  close(): void {
    this.#stopEvents();
  }

  async #unmute(): Promise<void> {
    try {
      await this.#visit?.openMicrophone();
      this.#microphoneChanged();
    } catch (error) {
      this.#microphoneChanged(microphoneProblem(error));
    }
  }

  #microphoneChanged(problem: Problem | null = null): void {
    view.showProblem(problem);
    view.showMicrophone(this.#visit?.microphoneOpen === true);
  }

  #hear(userId: string, { levelDbfs, atMs }: Level): void {
    if (userId !== this.#agent.agentUserId) return;
    const { state, answeredAfterMs, agentAudible } = agentLevel(this.#turns, levelDbfs, atMs);
    this.#turns = state;
    view.showLevel(levelDbfs);
    if (answeredAfterMs !== null) this.#happened({ type: "answered", afterMs: answeredAfterMs });
    if (agentAudible !== this.#audible) this.#happened({ type: "audible", audible: agentAudible });
    this.#audible = agentAudible;
  }

  #happened(event: AgentEvent): void {
    const before = this.#agent;
    this.#agent = follow(before, event);
    if (this.#agent === before) return;
    if (this.#agent.agentUserId !== before.agentUserId) view.showPeople(this.#people, this.#agent.agentUserId);
    this.#show();
  }

  #show(): void {
    const { sessionId, end } = this.#agent;
    const inCall = this.#visit !== undefined && !this.#over;
    const canHear = this.#invitation.typing === "asks" || sessionId !== null;
    view.showAgent(this.#agent);
    view.showControls({ say: inCall && canHear && end === null, act: inCall });
  }
}
