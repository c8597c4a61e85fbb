import { InvalidInputError } from "../../bridge-task/errors.ts";
import { registerHook } from "./register-hook.ts";
import type { StreamApp } from "./stream-app.ts";
import type { RegistrationReport, RegistrationRequest } from "./types.ts";
import { ensureUsers } from "./users.ts";

const problemsOf = ({ stage, calls, webhookUrl, users }: Partial<RegistrationRequest>): string[] => {
  const problems: string[] = [];
  if (typeof stage !== "string" || stage === "") problems.push("stage must be the name of a stage");
  if (calls !== "all" && calls !== "own") problems.push('calls must be "all" or "own"');
  if (
    webhookUrl !== null &&
    !(typeof webhookUrl === "string" && /^https?:\/\//.test(webhookUrl) && URL.canParse(webhookUrl))
  )
    problems.push("webhookUrl must be an http(s) URL, or null");
  if (!Array.isArray(users) || users.some((user) => typeof user?.id !== "string" || user.id === ""))
    problems.push("users must be a list of { id, name?, image? }");
  return problems;
};

/**
 * Registers a stage with its Stream app, or takes its hook away when the deploy removes it; its users stay, for calls name them.
 * Rejects with InvalidInputError, or with RegistrationError whose message says what to do.
 */
export const register = async (app: StreamApp, request: RegistrationRequest): Promise<RegistrationReport> => {
  const problems = problemsOf(request);
  if (problems.length > 0) throw new InvalidInputError(`the registration cannot be made: ${problems.join("; ")}`);
  const { stage, calls, users, tf } = request;
  const isRemoved = tf?.action === "delete";
  // First: the hook brings agents into calls, and they are these users.
  const usersCreated = isRemoved ? [] : await ensureUsers(app, users);
  const { hook, otherHooks } = await registerHook(app, {
    stage,
    calls,
    webhookUrl: isRemoved ? null : request.webhookUrl,
  });
  return { hook, otherHooks, usersCreated };
};
