/** The name of the packages and of the program in them. */
export const NAME = 'recovery-agent';
