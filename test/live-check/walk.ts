import { withDeadline } from "../../bridge-task/deadline.ts";
import { messageOf } from "../../bridge-task/errors.ts";
import type { LiveKeys, LiveService } from "../live/keys.ts";
import { Conversation } from "./conversation.ts";
import { nothingSeen, type Observations, type StepResult } from "./observations.ts";
import { askOpenAi } from "./openai-steps.ts";
import { Stage } from "./stage.ts";
import { Steps } from "./steps.ts";
import { prepareCall } from "./stream-steps.ts";
import { WireTap } from "./wire-tap.ts";

const cleanUpMs = 30_000;
/** As long as a request may take. */
const settleMs = 10_000;

/** One run: what it sees while it goes, and what takes it back. */
export class Walk {
  readonly seen: Observations = nothingSeen();
  readonly #stage: Stage;
  readonly #tap = new WireTap(this.seen);
  readonly #services: readonly LiveService[];
  readonly #steps: Steps;
  #cleaning: Promise<string[]> | undefined;

  constructor(options: {
    keys: LiveKeys;
    services: readonly LiveService[];
    onStep: (result: StepResult) => void;
  }) {
    this.#services = options.services;
    this.#stage = new Stage(options.keys, this.seen, this.#tap);
    this.#steps = new Steps(this.seen.steps, options.onStep);
  }

  /** Never rejects for what a service does: that is a step that failed. */
  async go(): Promise<void> {
    const hasModel = this.#services.includes("openai");
    try {
      if (this.#services.includes("stream")) {
        await prepareCall(this.#stage, this.#steps);
        await new Conversation(this.#stage, this.#steps, hasModel).hold();
      }
      if (hasModel) await askOpenAi(this.#stage, this.#steps);
    } finally {
      this.#tap.close();
    }
  }

  /** Deletes what this run has made. Resolves with what is left behind. Idempotent, never rejects. */
  cleanUp(): Promise<string[]> {
    this.#tap.allowsOnlyDeleting = true;
    this.#cleaning ??= withDeadline(this.#takeBack(), cleanUpMs, "deleting what was made").catch((error: unknown) => [
      messageOf(error),
    ]);
    return this.#cleaning;
  }

  async #takeBack(): Promise<string[]> {
    // What is on its way would be there after it was deleted.
    await withDeadline(this.#tap.settled(), settleMs, "answers").catch(() => undefined);
    return this.#stage.cleanUp();
  }
}
