import { logGroupArn } from "./arns.ts";
import { AwsError } from "./aws-error.ts";

/** What a request needs to be allowed; one API request may need several. */
export interface Need {
  /** e.g. "dynamodb:GetItem" */
  action: string;
  /** ARN, or "*" for actions that have no resource. */
  resource: string;
  /** Condition keys, e.g. { "ecs:cluster": ARN } */
  context?: Record<string, string>;
}

/** Asked for each need of each API request. Returns a refusal's message; undefined allows it. */
export type Authorize = (request: {
  /** Whose request it is: the first part of its credential. */
  accessKeyId: string;
  action: string;
  resource: string;
  context: Record<string, string>;
}) => string | undefined;

/** Whether requests are checked, which may change at any time. */
export interface Guard {
  authorize: Authorize | undefined;
}

/** Throws AccessDeniedException, with the refusal as its message, for the first need that is refused. */
export const checkNeeds = ({ authorize }: Guard, accessKeyId: string, needs: readonly Need[], status = 400): void => {
  if (authorize === undefined) return;
  for (const { action, resource, context = {} } of needs) {
    const refusal = authorize({ accessKeyId, action, resource, context });
    if (refusal !== undefined) throw new AwsError("AccessDeniedException", refusal, { status });
  }
};

/** What it takes to write lines into a log stream, which its first writer makes. */
export const writingNeeds = (group: string, stream: string, { isNewGroup = false } = {}): Need[] => [
  ...(isNewGroup ? [{ action: "logs:CreateLogGroup", resource: logGroupArn(group) }] : []),
  ...["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({
    action,
    resource: `${logGroupArn(group)}:log-stream:${stream}`,
  })),
];
