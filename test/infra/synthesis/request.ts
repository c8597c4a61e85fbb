/** What a child process that evaluates a project is told. */
export interface EvaluationRequest {
  /** Absolute path of the project, a copy with SST's platform in place. */
  project: string;
  stage: string;
  /** What SST's command line was asked for. */
  command: string;
  /** By their names in SST, e.g. StreamApiKey. */
  secrets: Readonly<Record<string, string>>;
  /** Where the answer is to be written, as JSON. */
  answerFile: string;
}

/** Anything that JSON can hold, as resources are made of it. */
export type Value = string | number | boolean | null | undefined | Value[] | { [key: string]: Value };

export interface Fields {
  [key: string]: Value;
}

/** A resource that the project asks Pulumi for. */
export interface Resource {
  /** Pulumi's type, e.g. "aws:lambda/function:Function"; of a component, e.g. "sst:aws:Function". */
  type: string;
  /** Its logical name. */
  name: string;
  /** Without Pulumi's wrapping of secrets: what the provider would be sent. */
  inputs: Fields;
  /** Paths of the inputs that Pulumi knows to be secret and encrypts in its state, e.g. "value". */
  secretPaths: string[];
  options: {
    retainOnDelete: boolean;
    protect: boolean;
    deleteBeforeReplace: boolean;
    ignoreChanges: string[];
    /** Logical names of the resources that have to be there first, beside those that its inputs come from. */
    dependsOn: string[];
  };
}

/** What sst.config.ts says of the app. */
export interface AppConfig {
  name: string;
  version?: string;
  home: string;
  removal: string;
  protect: boolean;
}

/** A function's code that SST's command line was asked to bundle. */
export interface FunctionBuild {
  functionID: string;
  handler: string;
  runtime: string;
  /** What the function could read through SST's links. */
  links: Fields;
}

export interface Evaluation {
  app: AppConfig;
  resources: Resource[];
  builds: FunctionBuild[];
  outputs: Fields;
}

export type Answer = { evaluation: Evaluation } | { error: string };
