import { type AccessRequest, evaluate, type PolicyDocument, type Verdict } from "../aws-policies/evaluate.ts";

interface Role {
  name: string;
  arn: string;
  accessKeyId: string;
  /** By what brought them: the role itself, an inline policy of its own, an attachment. */
  policies: Map<string, readonly PolicyDocument[]>;
}

export interface Request extends AccessRequest {
  accessKeyId: string;
}

/** A request that was made, and who made it. */
export interface Decision extends AccessRequest {
  role: string;
  verdict: Verdict;
}

/** The roles that were made, each with an access key in the place of the sessions that it would give out. */
export class Roles {
  readonly #roles = new Map<string, Role>();
  readonly #documents = new Map<string, PolicyDocument>();
  readonly #administrators: readonly string[];
  /** Everything that was asked, oldest first. */
  readonly decisions: Decision[] = [];

  /** Access keys that may do everything: the deployer's. */
  constructor(administrators: readonly string[]) {
    this.#administrators = administrators;
  }

  put(name: string, arn: string): void {
    const known = this.#roles.get(name);
    const accessKeyId = known?.accessKeyId ?? `AKIA${name.toUpperCase().replace(/[^A-Z0-9]/g, "")}`;
    this.#roles.set(name, { name, arn, accessKeyId, policies: known?.policies ?? new Map() });
  }

  delete(name: string): void {
    this.#roles.delete(name);
  }

  names(): string[] {
    return [...this.#roles.keys()];
  }

  /** Key of the role with this name or ARN. Throws if there is none: nothing can run as a role that does not exist. */
  accessKeyOf(nameOrArn: string): string {
    return this.#roleOf(nameOrArn).accessKeyId;
  }

  /** A managed policy, which takes effect where it is attached. */
  putDocument(arn: string, document: PolicyDocument): void {
    this.#documents.set(arn, document);
  }

  /** One that is AWS's own says nothing here: what it allows is not asked of the stand-in. */
  document(arn: string): PolicyDocument {
    return this.#documents.get(arn) ?? { Statement: [] };
  }

  setPolicies(role: string, source: string, documents: readonly PolicyDocument[]): void {
    this.#roleOf(role).policies.set(source, documents);
  }

  deletePolicies(role: string, source: string): void {
    this.#roles.get(role)?.policies.delete(source);
  }

  verdictOf(nameOrArn: string, request: AccessRequest): Verdict {
    return evaluate([...this.#roleOf(nameOrArn).policies.values()].flat(), request);
  }

  /** What stands in the way of a request, in the words that AWS uses; undefined: nothing. */
  refusalOf({ accessKeyId, ...request }: Request): string | undefined {
    if (this.#administrators.includes(accessKeyId)) return undefined;
    const role = [...this.#roles.values()].find((candidate) => candidate.accessKeyId === accessKeyId);
    const verdict = role === undefined ? "not allowed" : this.verdictOf(role.name, request);
    this.decisions.push({ ...request, role: role?.name ?? `unknown key ${accessKeyId}`, verdict });
    if (verdict === "allowed") return undefined;
    const why =
      verdict === "explicitly denied" ? "with an explicit deny" : "because no identity-based policy allows it";
    return `${role?.arn ?? accessKeyId} is not authorized to perform: ${request.action} on resource: ${request.resource} ${why}`;
  }

  #roleOf(nameOrArn: string): Role {
    const role = [...this.#roles.values()].find(({ name, arn }) => name === nameOrArn || arn === nameOrArn);
    if (role === undefined) throw new Error(`there is no role ${nameOrArn}`);
    return role;
  }
}
