import { accountId } from "../../aws/arns.ts";
import type { PolicyDocument } from "../../aws-policies/evaluate.ts";
import type { Roles } from "../roles.ts";
import { type Handlers, listOf, physicalName, textOf } from "./handler.ts";

const iamArn = (rest: string): string => `arn:aws:iam::${accountId}:${rest}`;

const parse = (policy: string): PolicyDocument => {
  const document = JSON.parse(policy) as {
    Statement: PolicyDocument["Statement"] | PolicyDocument["Statement"][number];
  };
  return { Statement: [document.Statement].flat() };
};

/** A role's own inline policies count as one source, what is attached to it as others. */
const own = "role";

export const iamHandlers = (roles: Roles): Handlers => ({
  "aws:iam/role:Role": {
    replaceOn: ["name"],
    create: (wanted) => {
      const name = physicalName(wanted);
      const arn = iamArn(`role/${name}`);
      roles.put(name, arn);
      const inline = listOf(wanted.inputs, "inlinePolicies").flatMap(({ policy }) =>
        typeof policy === "string" ? parse(policy) : [],
      );
      const managed = (wanted.inputs.managedPolicyArns ?? []) as string[];
      roles.setPolicies(name, own, [...inline, ...managed.map((policyArn) => roles.document(policyArn))]);
      return { id: name, outputs: { name, arn } };
    },
    delete: ({ id }) => roles.delete(id),
  },
  "aws:iam/rolePolicy:RolePolicy": {
    replaceOn: ["role", "name"],
    create: (wanted) => {
      const [role, name] = [textOf(wanted.inputs, "role"), physicalName(wanted)];
      roles.setPolicies(role, name, [parse(textOf(wanted.inputs, "policy"))]);
      return { id: `${role}:${name}`, outputs: { name } };
    },
    delete: ({ inputs, outputs }) => roles.deletePolicies(textOf(inputs, "role"), textOf(outputs, "name")),
  },
  "aws:iam/policy:Policy": {
    replaceOn: ["name"],
    create: (wanted) => {
      const name = physicalName(wanted);
      const arn = iamArn(`policy/${name}`);
      roles.putDocument(arn, parse(textOf(wanted.inputs, "policy")));
      return { id: arn, outputs: { name, arn } };
    },
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    replaceOn: "any",
    create: ({ inputs }) => {
      const [role, policyArn] = [textOf(inputs, "role"), textOf(inputs, "policyArn")];
      roles.setPolicies(role, policyArn, [roles.document(policyArn)]);
      return { id: `${role}/${policyArn}` };
    },
    delete: ({ inputs }) => roles.deletePolicies(textOf(inputs, "role"), textOf(inputs, "policyArn")),
  },
});
