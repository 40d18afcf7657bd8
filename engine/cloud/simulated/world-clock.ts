/** The clock of a simulated cloud. */

export interface WorldClock {
  now(): number;
}
