import type { Statement } from "./policies.ts";
import { createTicketsTable } from "./tables.ts";

/** What a tool's function has beside its secrets. */
export interface ToolAccess {
  environment: Record<string, $util.Input<string>>;
  permissions: Statement[];
}

/**
 * By the tool's name: what of AWS it uses, and under which variables it finds it. It is made only where the tool is there. A tool
 * that needs nothing of AWS is not named here.
 */
export const toolAccess: Readonly<Record<string, () => ToolAccess>> = {
  submit_support_ticket: () => {
    const tickets = createTicketsTable();
    return {
      environment: { TICKETS_TABLE: tickets.name },
      permissions: [{ actions: ["dynamodb:GetItem", "dynamodb:PutItem"], resources: [tickets.arn] }],
    };
  },
};
