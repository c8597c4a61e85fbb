/** Inputs and outputs of a resource, as JSON. */
export type Properties = Readonly<Record<string, unknown>>;

/** A resource as it was left by the deploy before. */
export interface FormerResource {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

/** What the engine asks the provisioner to do: POST /resources. */
export interface ResourceRequest {
  operation: "create" | "update" | "delete";
  /** "aws:lambda/function:Function" */
  type: string;
  /** Logical name: what the program calls it. */
  name: string;
  /** Of a resource that is deleted: those it had. */
  inputs: Properties;
  /** Absent on create. */
  former?: FormerResource;
}

/** The answer to create and update. A refusal is a 422 with `{ error }`. */
export interface ResourceAnswer {
  id: string;
  outputs: Properties;
  /** An update made another resource: the former one has to be deleted when everything else is done. */
  replaced?: boolean;
}
