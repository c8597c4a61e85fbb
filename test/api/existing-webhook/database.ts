/** What an application has about its agents: a row each. */
export interface AgentRow {
  id: string;
  name: string;
  instructions: string;
}

export interface MeetingRow {
  /** Also the id of its call. */
  id: string;
  agentId: string;
  status: "upcoming" | "active";
}

/** Stands in for the application's database. */
export const database = {
  agents: new Map<string, AgentRow>(),
  meetings: new Map<string, MeetingRow>(),
};
