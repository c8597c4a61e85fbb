import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";

export interface LaunchedBrowser {
  browser: Browser;
  /** SIGKILL: no page says goodbye. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Chromium without a window, whose microphone plays `microphoneWav` once, from its beginning, each time a page opens it.
 * Only pages that were granted the permission `microphone` may. The file must end in silence: Chromium repeats its last few
 * milliseconds for as long as the microphone stays open.
 */
export const launchChromium = async (executable: string, microphoneWav: Uint8Array): Promise<LaunchedBrowser> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "agent-browser-"));
  const file = path.join(folder, "microphone.wav");
  await writeFile(file, microphoneWav);
  const server = await chromium.launchServer({
    executablePath: executable,
    args: [
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${file}%noloop`,
      "--autoplay-policy=no-user-gesture-required",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-features=OptimizationHints,MediaRouter",
    ],
    chromiumSandbox: false,
  });
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    browser,
    kill: () => server.kill(),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
