/** The variable with the descriptor of the pipe on which an engine reports why it does not start. */
export const REPORT_VARIABLE = 'RECOVERY_AGENT_REPORT_DESCRIPTOR';
