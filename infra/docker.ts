import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InvalidInputError } from "../bridge-task/errors.ts";

/**
 * Throws InvalidInputError where there is no Docker to build the task's image with: found out by the build itself, half of the
 * stage would be there already. The build could do without the command, which is here the one way to ask; whoever has a builder
 * elsewhere names it in BUILDX_BUILDER, as SST wants it, and is not asked.
 */
export const requireDocker = async ({ deadlineMs = 10_000 } = {}): Promise<void> => {
  if (process.env.BUILDX_BUILDER) return;
  const options = { timeout: deadlineMs, killSignal: "SIGKILL" } as const;
  try {
    await promisify(execFile)("docker", ["version", "--format", "{{.Server.Version}}"], options);
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean };
    const [why, what] =
      code === "ENOENT"
        ? ["there is no docker command", "install and start Docker"]
        : [killed ? `Docker did not answer within ${deadlineMs / 1_000} s` : "Docker is not running", "start Docker"];
    throw new InvalidInputError(
      `Nothing was changed: ${why}, and the image of the task is built with it. Please ${what}, then deploy again (a builder elsewhere: BUILDX_BUILDER=NAME)`,
    );
  }
};
