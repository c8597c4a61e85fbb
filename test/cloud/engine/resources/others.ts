import { createHash, randomBytes } from "node:crypto";
import { accountId, region } from "../../aws/arns.ts";
import { type Handlers, physicalName, type ResourceHandler, type Wanted } from "./handler.ts";

const lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** 248 is the largest multiple of 62 in a byte: beyond it some letters would come more often. */
const randomText = (length: number): string => {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < 248 && text.length < length) text += lettersAndDigits[byte % 62];
    }
  }
  return text;
};

const hexOf = ({ name }: Wanted): string => createHash("sha256").update(name).digest("hex").slice(0, 17);

/** Ids of what other resources refer to by id and not by name. */
const idPrefixes: Readonly<Record<string, string>> = {
  "aws:ec2/vpc:Vpc": "vpc",
  "aws:ec2/subnet:Subnet": "subnet",
  "aws:ec2/securityGroup:SecurityGroup": "sg",
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "sg",
};

/** Beginnings of the types that nothing here acts on: networks, alarms, and where tasks could run. */
const inertTypes: readonly string[] = [
  "aws:ec2/",
  "aws:servicediscovery/",
  "aws:sns/",
  "aws:cloudwatch/metricAlarm:",
  "aws:cloudwatch/logMetricFilter:",
  "aws:ecs/clusterCapacityProviders:",
];

/** Resources that are what they were asked to be, and do nothing. Throws for a type that is neither made nor known to be inert. */
export const inert = (type: string): ResourceHandler => {
  if (!inertTypes.some((beginning) => type.startsWith(beginning)))
    throw new Error(`nothing is known of ${type} here: make it in test/cloud/engine/resources, or name it as inert`);
  return {
    create: (wanted) => {
      const name = physicalName(wanted);
      const [, service = ""] = /^aws:([^/]+)\//.exec(type) ?? [];
      const prefix = idPrefixes[type];
      const id = prefix === undefined ? name : `${prefix}-${hexOf(wanted)}`;
      return { id, outputs: { name, arn: `arn:aws:${service}:${region}:${accountId}:${id}` } };
    },
    update: (_, { id, outputs }) => ({ id, outputs: { name: outputs.name, arn: outputs.arn } }),
  };
};

export const otherHandlers: Handlers = {
  "random:index/randomPassword:RandomPassword": {
    replaceOn: "any",
    create: ({ inputs }) => {
      const result = randomText(Number(inputs.length));
      return { id: "none", outputs: { result, bcryptHash: "" } };
    },
  },
  "random:index/randomBytes:RandomBytes": {
    replaceOn: "any",
    create: ({ inputs }) => {
      const bytes = randomBytes(Number(inputs.length));
      return {
        id: bytes.toString("base64"),
        outputs: { base64: bytes.toString("base64"), hex: bytes.toString("hex") },
      };
    },
  },
  "docker-build:index:Image": {
    create: (wanted) => {
      const digest = `sha256:${createHash("sha256").update(JSON.stringify(wanted.inputs)).digest("hex")}`;
      return { id: wanted.name, outputs: { digest, ref: `registry.invalid/${wanted.name}@${digest}` } };
    },
  },
};
