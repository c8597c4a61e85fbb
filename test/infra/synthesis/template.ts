import type { Evaluation, Fields, Resource, Value } from "./request.ts";
import { stateOf } from "./stand-ins.ts";

/** A statement of an IAM policy, as it is sent to AWS. */
export interface Statement {
  Effect: string;
  Action: string[];
  Resource: string[];
  Condition?: Fields;
}

/** The bridge's container, as it is sent to ECS. */
export interface Container {
  name: string;
  image: string;
  environment: { name: string; value: string }[];
  secrets: { name: string; valueFrom: string }[];
  stopTimeout: number;
  pseudoTerminal: boolean;
  readonlyRootFilesystem?: boolean;
  portMappings?: unknown[];
  linuxParameters?: { initProcessEnabled?: boolean };
  logConfiguration: { logDriver: string; options: Record<string, string> };
}

const listOf = (value: string | string[]): string[] => [value].flat();

/** Questions about what was evaluated. */
export class Template {
  readonly evaluation: Evaluation;

  constructor(evaluation: Evaluation) {
    this.evaluation = evaluation;
  }

  all(type: string): Resource[] {
    return this.evaluation.resources.filter((resource) => resource.type === type);
  }

  /** Throws when there is none. */
  one(type: string, name: string): Resource {
    const found = this.all(type).filter((resource) => resource.name === name);
    const [resource] = found;
    if (resource !== undefined && found.length === 1) return resource;
    const names = this.all(type).map((each) => each.name);
    throw new Error(`There are ${found.length} ${type} called ${name}, among ${names.join(", ")}`);
  }

  /** As the stand-in of AWS answers it to other resources. */
  arn(type: string, name: string): string {
    return String(this.#state(type, name).arn);
  }

  /** What it is called in AWS. */
  physicalName(type: string, name: string): string {
    return String(this.#state(type, name).name);
  }

  get functions(): Resource[] {
    return this.all("aws:lambda/function:Function");
  }

  /** Of a component, e.g. "Webhook". */
  fn(component: string): Fields {
    return this.one("aws:lambda/function:Function", `${component}Function`).inputs;
  }

  functionArn(component: string): string {
    return this.arn("aws:lambda/function:Function", `${component}Function`);
  }

  environmentOf(component: string): Record<string, string> {
    const { variables } = this.fn(component).environment as { variables: Record<string, string> };
    return variables;
  }

  parameterArn(name: string): string {
    return this.arn("aws:ssm/parameter:Parameter", name);
  }

  tableArn(component: string): string {
    return this.arn("aws:dynamodb/table:Table", `${component}Table`);
  }

  get roles(): string[] {
    return this.all("aws:iam/role:Role").map(({ name }) => name);
  }

  /** All that a role may do. */
  statements(role: string): Statement[] {
    const { inputs } = this.one("aws:iam/role:Role", role);
    const policies = inputs.inlinePolicies as { policy: string }[];
    return policies.flatMap(({ policy }) =>
      (JSON.parse(policy).Statement as Statement[]).map((statement) => ({
        ...statement,
        Action: listOf(statement.Action),
        Resource: listOf(statement.Resource),
      })),
    );
  }

  get taskDefinition(): Fields {
    return this.one("aws:ecs/taskDefinition:TaskDefinition", "BridgeTask").inputs;
  }

  get container(): Container {
    const [container, ...more] = JSON.parse(String(this.taskDefinition.containerDefinitions)) as Container[];
    if (container !== undefined && more.length === 0) return container;
    throw new Error(`The task has ${more.length + 1} containers in place of one`);
  }

  /** What the functions and the task read from SSM: name of the parameter → value. */
  get parameters(): Record<string, string> {
    const parameters = this.all("aws:ssm/parameter:Parameter");
    return Object.fromEntries(parameters.map(({ inputs }) => [String(inputs.name), String(inputs.value)]));
  }

  #state(type: string, name: string): Fields {
    return stateOf(type, name, this.one(type, name).inputs);
  }
}

/** All strings in a value, at any depth. */
export const stringsIn = (value: Value): string[] => {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [key, ...stringsIn(each)]);
};
