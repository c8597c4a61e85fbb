import { BridgeError, messageOf, TimeoutError } from "../../../bridge-task/errors.ts";
import { CommandError, exitCodes } from "./failure.ts";

const noCredentials = new Set([
  "CredentialsProviderError",
  "TokenProviderError",
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
]);

const accessDenied = new Set(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]);

const noAnswer = new Set(["TimeoutError", "ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "NetworkingError"]);

export const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? "");

/** AWS itself failed, or was asked too often. */
const isTransient = (error: unknown): boolean =>
  (error as { $fault?: unknown } | null)?.$fault === "server" || /Throttl|TooManyRequests/.test(nameOf(error));

/** The right that AWS misses, such as "ssm:GetParameter"; undefined where it does not say. */
export const missingRight = (error: unknown): string | undefined =>
  /perform:? ([a-z0-9-]+:[A-Za-z]+)/.exec(messageOf(error))?.[1];

/** Why AWS did not do it, in the words of what can be done about it. `what`: "reading the deployment". */
export const fromAws = (what: string, thrown: unknown): CommandError => {
  if (thrown instanceof CommandError) return thrown;
  // The calls table tells of AWS's errors in its own words.
  const error = thrown instanceof BridgeError && thrown.cause instanceof Error ? thrown.cause : thrown;
  const name = nameOf(error);
  const message = messageOf(error);
  if (/region is missing|region not accepted/i.test(message)) {
    return new CommandError(
      exitCodes.notDeployed,
      "AWS needs a region: set AWS_REGION to the one that was deployed to, or a region in the profile (AWS_PROFILE)",
      error,
    );
  }
  if (message === "Invalid URL") {
    return new CommandError(exitCodes.notDeployed, "AWS_ENDPOINT_URL is no URL: unset it to reach AWS itself", error);
  }
  if (noCredentials.has(name) || /could not load credentials/i.test(message)) {
    return new CommandError(
      exitCodes.notDeployed,
      `AWS takes no credentials from here (${message}): sign in (aws sso login, or aws configure), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
      error,
    );
  }
  if (accessDenied.has(name)) {
    const right = missingRight(error);
    const mend = right === undefined ? "use a role that may" : `allow ${right} to the role that you use`;
    return new CommandError(exitCodes.notDeployed, `${what}: AWS does not allow it (${message}); ${mend}`, error);
  }
  if (noAnswer.has(name) || noAnswer.has(codeOf(error)) || error instanceof TimeoutError) {
    return new CommandError(
      exitCodes.failed,
      `${what}: AWS did not answer (${message || codeOf(error)}): check the network, AWS_REGION and AWS_ENDPOINT_URL, then try again`,
      error,
    );
  }
  const again = isTransient(error) ? "; try again" : "";
  return new CommandError(exitCodes.failed, `${what}: ${name === "" ? "" : `${name}: `}${message}${again}`, error);
};

/** Whether AWS says that the right is missing; also where another error was made of that. */
export const isAccessDenied = (error: unknown): boolean =>
  accessDenied.has(nameOf(error)) || (error instanceof Error && isAccessDenied(error.cause));
