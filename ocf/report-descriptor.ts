/** How an engine learns where to report why it does not start: the variable that names the descriptor of a pipe. */
export const REPORT_VARIABLE = 'RECOVERY_AGENT_REPORT_DESCRIPTOR';
