type Input<T> = $util.Input<T>;

/** What somebody may do with what, as SST takes it. */
export interface Statement {
  actions: string[];
  resources: Input<string>[];
  conditions?: { test: string; variable: string; values: Input<string>[] }[];
}

const policyOf = (statements: readonly Statement[]): Input<string> =>
  aws.iam.getPolicyDocumentOutput({
    statements: statements.map((statement) => ({ effect: "Allow", ...statement })),
  }).json;

/** Takes from a role of SST's everything but these statements: what it gives by itself is good for any program, and too much for one. */
export const onlyThese =
  (service: string, statements: readonly Statement[]) =>
  (role: aws.iam.RoleArgs): undefined => {
    role.assumeRolePolicy = aws.iam.assumeRolePolicyForPrincipal({ Service: service });
    role.managedPolicyArns = [];
    role.inlinePolicies = [{ name: "inline", policy: policyOf(statements) }];
  };

/** To write lines, and not to make the group: whoever still writes after `sst remove` would make it anew, without an end. */
export const writeLogs = (groupArn: Input<string>): Statement => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: [$interpolate`${groupArn}:*`],
});
