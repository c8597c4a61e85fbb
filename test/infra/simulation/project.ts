import { chmod, cp, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");

/** All that a deploy reads of the project. It writes sst-env.d.ts. */
const deployed = [
  ".dockerignore",
  "bridge-task",
  "functions",
  "infra",
  "package.json",
  "package-lock.json",
  "sst.config.ts",
  "tsconfig.json",
];

/**
 * A copy of the project in `folder`, so that a deploy leaves nothing in the working tree. Packages and SST's platform are
 * linked; the platform's own folder is a real one, because each run writes the bundled sst.config.ts into it.
 */
export const copyProject = async (folder: string): Promise<void> => {
  const platform = path.join(folder, ".sst", "platform");
  await mkdir(platform, { recursive: true });
  for (const name of deployed) await cp(path.join(root, name), path.join(folder, name), { recursive: true });
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  for (const entry of await readdir(path.join(root, ".sst", "platform"), { withFileTypes: true })) {
    const [from, to] = [path.join(root, ".sst", "platform", entry.name), path.join(platform, entry.name)];
    if (entry.isDirectory()) await symlink(from, to);
    else if (!entry.name.startsWith("sst.config.")) await cp(from, to);
  }
  await cp(path.join(root, ".sst", "provider-lock.json"), path.join(folder, ".sst", "provider-lock.json"));
};

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Puts a docker command into `bin` that says whether Docker runs: no image is built here, and a deploy asks first. */
export const installDocker = async (bin: string, isRunning: boolean): Promise<void> => {
  await mkdir(bin, { recursive: true });
  await writeFile(path.join(bin, "docker"), `#!/bin/sh\n${isRunning ? "echo 28.0.0" : "exit 1"}\n`, { mode: 0o755 });
};

/** Puts the stand-in of Pulumi's engine where SST looks for the real one. */
export const installEngine = async (home: string, engineUrl: string): Promise<void> => {
  const bin = path.join(home, ".config", "sst", "bin");
  await mkdir(bin, { recursive: true });
  const engine = path.join(root, "test", "cloud", "engine", "pulumi.ts");
  const script = `#!/bin/sh\nENGINE_URL=${quoted(engineUrl)} exec ${quoted(process.execPath)} ${quoted(engine)} "$@"\n`;
  await writeFile(path.join(bin, "pulumi"), script);
  await chmod(path.join(bin, "pulumi"), 0o755);
};
