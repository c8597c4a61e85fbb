import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction } from "dockerfile-ast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bridgeRuntime } from "../../infra/build/bridge-runtime.ts";
import { buildBundles } from "../../infra/build/bundles.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

interface Stage {
  from: From;
  instructions: Instruction[];
}

const stagesOf = (text: string): Stage[] => {
  const stages: Stage[] = [];
  const dockerfile = DockerfileParser.parse(text);
  const froms = dockerfile.getFROMs();
  for (const instruction of dockerfile.getInstructions()) {
    const from = froms.find((each) => each.getRange().start.line === instruction.getRange().start.line);
    if (from) stages.push({ from, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
};

const of = (stage: Stage | undefined, keyword: string): Instruction[] =>
  stage?.instructions.filter((each) => each.getKeyword() === keyword) ?? [];

const words = (instruction: Instruction | undefined): string[] =>
  instruction?.getArguments().map((argument) => argument.getValue()) ?? [];

/** Of an instruction in exec form; undefined in shell form. */
const execOf = (instruction: Instruction | undefined): string[] | undefined => {
  if (!(instruction as JSONInstruction | undefined)?.getOpeningBracket()) return undefined;
  return JSON.parse(instruction?.getArgumentsContent() ?? "[]");
};

/** Whether a path of the project reaches the builder: of the lines that name it or a folder above, the last one counts. */
const isSent = (file: string, lines: readonly string[]): boolean => {
  let sent = true;
  for (const line of lines) {
    const pattern = line.replace(/^!/, "");
    // "**" is any folder, also none.
    const expression = new RegExp(
      `^${pattern.replaceAll(".", "\\.").replaceAll(/(\*\*\/)|\*/g, (_, folders) => (folders ? "(.*/)?" : "[^/]*"))}(/|$)`,
    );
    if (expression.test(file)) sent = line.startsWith("!");
  }
  return sent;
};

const [build, final, ...more] = stagesOf(read("bridge-task/Dockerfile"));
const ignored = read(".dockerignore")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"));
const copied = of(build, "COPY").flatMap((copy) => words(copy).slice(0, -1));

describe("the image of the task", () => {
  it("is one stage that builds and one that only copies from it", () => {
    expect(more).toEqual([]);
    expect(final?.instructions.map((each) => each.getKeyword())).toEqual(["ENV", "COPY", "USER", "ENTRYPOINT", "CMD"]);
    expect(of(final, "COPY").map((copy) => [(copy as Copy).getFromFlag()?.getValue(), ...words(copy)])).toEqual([
      ["build", "/bridge", "/bridge"],
    ]);
    expect(build?.from.getBuildStage()).toBe("build");
  });

  it("builds on the builder's own processor and runs on the task's", () => {
    expect(build?.from.getPlatformFlag()?.getValue()).toBe("$BUILDPLATFORM");
    expect(final?.from.getPlatformFlag()).toBeNull();
  });

  it("has the project's major version of Node in both stages, of the same image", () => {
    const major = JSON.parse(read("package.json")).devDependencies.node.split(".")[0];
    expect(final?.from.getImage()).toBe(`node:${major}-slim`);
    expect(build?.from.getImage()).toBe(final?.from.getImage());
  });

  it("does not run as root", () => {
    expect(of(final, "USER").map((user) => words(user))).toEqual([["node"]]);
  });

  it("starts the file that the build makes, without a shell", () => {
    expect(execOf(of(final, "ENTRYPOINT")[0])).toEqual(["node"]);
    expect(execOf(of(final, "CMD")[0])).toEqual(["/bridge/bridge.mjs"]);
  });

  it("copies what is there, and what .dockerignore lets through", () => {
    expect(copied.length).toBeGreaterThan(4);
    expect(copied.filter((source) => !existsSync(path.join(root, source)))).toEqual([]);
    expect(copied.filter((source) => !isSent(source, ignored))).toEqual([]);
  });

  it("is not sent what it does not need, or must not have", () => {
    const others = [".git", ".sst", "node_modules", "test", "dist", "infra/operate", "docs", "README.md"];
    // Where people keep tokens and keys.
    const kept = [".npmrc", ".env", "bridge-task/.env", "functions/tools/.env.production", "infra/build/.env.local"];
    const unwanted = [...others, ...kept];
    expect(unwanted.filter((file) => isSent(file, ignored))).toEqual([]);
    // SST adds the line to a file that lacks it.
    expect(ignored).toContain(".sst");
  });

  it("is told nothing secret while it is built", () => {
    const told = [...of(build, "ARG"), ...of(build, "ENV"), ...of(final, "ENV")].map((each) => words(each));
    expect(told).toEqual([
      ["BUILDARCH"],
      ["TARGETARCH"],
      ["NODE_ENV=production", "NODE_COMPILE_CACHE=/bridge/compile-cache"],
    ]);
  });
});

describe("the steps of the image, done here", () => {
  let folder = "";
  /** Where `/` of the image is, for this test. */
  const bridge = () => path.join(folder, "image", "bridge");

  const here = (step: string): string => step.replaceAll(/(?<=\s)\/bridge(?=[\s/]|$)/g, bridge());

  const run = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(command, args, {
      cwd: path.join(folder, "project"),
      env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...env },
      encoding: "utf8",
    });

  const start = (env: Record<string, string>) =>
    run(process.execPath, [`${bridge()}/bridge.mjs`], { ...bridgeRuntime, NODE_DEBUG_NATIVE: "COMPILE_CACHE", ...env });

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "image-"));
    for (const source of copied)
      await cp(path.join(root, source), path.join(folder, "project", source), { recursive: true });
    // In the place of `npm ci`.
    await symlink(path.join(root, "node_modules"), path.join(folder, "project", "node_modules"));
    await mkdir(path.dirname(bridge()), { recursive: true });
    for (const step of of(build, "RUN").map((each) => each.getArgumentsContent() ?? "")) {
      if (step.startsWith("npm ci")) continue;
      // Whoever runs this test owns what it makes.
      const command = here(step).replace("--owner=node", "");
      const { status, stderr } = run("/bin/sh", ["-ec", command], { BUILDARCH: "amd64", TARGETARCH: "amd64" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("make the bundle that `npm run build` makes", async () => {
    const [bundle] = await buildBundles(["bridge"], path.join(folder, "dist"));
    expect(readFileSync(`${bridge()}/bridge.mjs`).equals(readFileSync(bundle?.file ?? ""))).toBe(true);
  });

  it("make a cache of compiled code that the task's first start uses, and leaves as it was", async () => {
    const before = await readdir(`${bridge()}/compile-cache`, { recursive: true });
    const { status, stderr, stdout } = start({ NODE_COMPILE_CACHE: `${bridge()}/compile-cache` });
    expect({ status, said: `${stderr}${stdout}` }).toMatchObject({
      status: 78,
      said: expect.stringMatching(/V8 code cache for ESM \S+bridge\.mjs was accepted/),
    });
    expect(await readdir(`${bridge()}/compile-cache`, { recursive: true })).toEqual(before);
  });

  it("make a bundle that starts without a cache as well, where nothing can be written", () => {
    // A folder cannot be made below a file, not even by root.
    const { status, stdout, stderr } = start({ NODE_COMPILE_CACHE: `${bridge()}/bridge.mjs/cache` });
    expect(status).toBe(78);
    expect(stdout).toContain("AGENT_JOB");
    expect(`${stdout}${stderr}`).not.toContain("was accepted");
  });
});
