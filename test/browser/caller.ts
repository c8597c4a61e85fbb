import type { BrowserContext, Page } from "playwright-core";
import type { BrowserEar } from "./browser-ear.ts";

/** How long anything on the page may take on a machine with better things to do. */
const patienceMs = 30_000;

/** Somebody who uses the page: clicks, types, and reads what it shows. */
export class Caller {
  readonly ear: BrowserEar;
  readonly page: Page;
  /** Errors that the page's scripts let through; a working page has none. */
  readonly pageErrors: Error[] = [];

  static async open(context: BrowserContext, ear: BrowserEar, url: string): Promise<Caller> {
    const page = await context.newPage();
    page.setDefaultTimeout(patienceMs);
    const caller = new Caller(page, ear);
    page.on("pageerror", (error) => caller.pageErrors.push(error));
    await page.goto(url);
    return caller;
  }

  private constructor(page: Page, ear: BrowserEar) {
    this.page = page;
    this.ear = ear;
  }

  click(button: "Join with microphone" | "Join and type" | "Mute" | "Unmute" | "Leave"): Promise<void> {
    return this.page.getByRole("button", { name: button, exact: true }).click();
  }

  async say(line: string): Promise<void> {
    await this.page.getByLabel("Type a line").fill(line);
    await this.page.getByRole("button", { name: "Say it" }).click();
  }

  /** Waits until the page says that the agent is doing this. */
  sees(phase: "Listening" | "Thinking …" | "Speaking"): Promise<void> {
    return this.page.locator("#phase", { hasText: phase }).waitFor();
  }

  /** Waits until the page shows that the agent has said these words to their end. */
  hearsOut(words: string): Promise<void> {
    return this.page.locator('#lines li[data-speaker="agent"][data-status="complete"]', { hasText: words }).waitFor();
  }

  /** Waits until the page shows these words. */
  reads(words: string | RegExp): Promise<void> {
    return this.page.getByText(words).first().waitFor();
  }
}
