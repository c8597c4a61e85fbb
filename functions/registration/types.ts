/** A user that an agent is in calls; made in Stream when there is none of that id. */
export interface RegisteredUser {
  id: string;
  name?: string;
  image?: string;
}

/** What a deploy asks the register function for. */
export interface RegistrationRequest {
  stage: string;
  /** Where the stage is: a short hash of AWS account and region. The same name elsewhere is another stage. */
  place: string;
  /** Whose calls this stage's agents join: every call's, or only those whose `custom.agentStage` names the stage. */
  calls: "all" | "own";
  /** Where Stream is to send its events: the API's URL and /webhooks/stream. null: the app gets no hook of ours. */
  webhookUrl: string | null;
  users: RegisteredUser[];
  /** Makes every deploy look again. */
  deployedAt?: string;
  /** What the deploy does with the registration; absent when it is invoked by hand. Anything but "delete" registers. */
  tf?: { action: "create" | "update" | "delete" };
}

/** What was done. */
export interface RegistrationReport {
  /** "none": there is none, or, when the stage is removed, Stream no longer takes the keys to look for it. */
  hook: "created" | "updated" | "unchanged" | "removed" | "none";
  /** Event hooks on the app that are not ours. */
  otherHooks: number;
  /** Ids of the users that were made. */
  usersCreated: string[];
}
