import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import type { StreamCloud } from "../../cloud/stream/index.ts";
import { encodeWav } from "../../support/wav.ts";
import { userToken } from "./tokens.ts";

const candidates = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Where a browser is installed, if one is. With CI set, none is an error: a run there must not pass by skipping. */
export const findBrowser = (): string | undefined => {
  const found = candidates.find((file) => file && existsSync(file));
  if (!found && process.env.CI) throw new Error("no Chromium found: apt-get install chromium, or set CHROMIUM_PATH");
  return found;
};

const flags = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
];

export interface BrowserHarness {
  /** A page with the SDK loaded, in a profile of its own, logged in as this user. */
  open(cloud: StreamCloud, keys: { apiKey: string; apiSecret: string }, userId: string): Promise<SdkPage>;
  close(): Promise<void>;
}

export interface SdkPage {
  /** Calls a function of `window.page`; see page.mjs. */
  run<T>(name: string, ...args: unknown[]): Promise<T>;
  /** Polls a function of `window.page` until its result passes; the last result is in the error otherwise. */
  until<T>(name: string, passes: (result: T) => boolean, timeoutMs?: number): Promise<T>;
  page: Page;
}

const wrap = (page: Page): SdkPage => {
  const run = <T>(name: string, ...args: unknown[]): Promise<T> =>
    page.evaluate(`window.page[${JSON.stringify(name)}](...${JSON.stringify(args)})`);
  return {
    page,
    run,
    async until<T>(name: string, passes: (result: T) => boolean, timeoutMs = 8_000) {
      const endsAtMs = performance.now() + timeoutMs;
      for (;;) {
        const result = await run<T>(name);
        if (passes(result)) return result;
        if (performance.now() > endsAtMs)
          throw new Error(
            `page.${name}() never became what was expected: ${JSON.stringify(result)}\n${(await run<string[]>("warnings")).join("\n")}`,
          );
        await page.waitForTimeout(100);
      }
    },
  };
};

const servePage = async (script: string): Promise<Server> => {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
    response.end(isScript ? script : "<!doctype html><body><script src=/page.js></script>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
};

/** What the fake microphone hears, over and over: 1.2 s of a 440 Hz tone at -16 dBov, 0.6 s of silence. */
const microphone = (): Buffer => {
  const sampleRate = 48_000;
  const tone = Int16Array.from({ length: 1.8 * sampleRate }, (_, at) =>
    at < 1.2 * sampleRate ? 7_000 * Math.sin((2 * Math.PI * 440 * at) / sampleRate) : 0,
  );
  return encodeWav({ sampleRate, channels: [tone] });
};

export const startBrowser = async (executablePath: string): Promise<BrowserHarness> => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "stream-browser-"));
  const microphoneFile = path.join(folder, "microphone.wav");
  await writeFile(microphoneFile, microphone());
  const bundle = await build({
    entryPoints: [path.join(import.meta.dirname, "page.mjs")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    define: { "process.env.NODE_ENV": '"production"', global: "window" },
  });
  const server = await servePage(bundle.outputFiles[0]?.text ?? "");
  const browser: Browser = await chromium.launch({
    executablePath,
    args: [...flags, `--use-file-for-fake-audio-capture=${microphoneFile}`],
  });
  return {
    async open(cloud, { apiKey, apiSecret }, userId) {
      const context = await browser.newContext({ permissions: ["microphone"] });
      const page = wrap(await context.newPage());
      await page.page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.run("login", {
        apiKey,
        userId,
        token: userToken(apiKey, apiSecret, userId),
        baseUrl: cloud.baseUrl,
        locationHintUrl: cloud.locationHintUrl,
      });
      return page;
    },
    async close() {
      await browser.close();
      await rm(folder, { recursive: true });
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
