// SST's types name Bun's shell, for a workflow that this project does not have. Bun's own types would change those of Node.
export type Shell = never;
