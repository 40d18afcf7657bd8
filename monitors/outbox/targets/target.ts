/** To whom reports are delivered: an engine of ours, or the API of a Masakari. */
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { InstanceFacts, MonitorName } from '../monitor.ts';

/** Travels beside the notification, whose form is Masakari's and has no place for it. */
export interface DeliveryFacts {
  readonly ageMs: number;
  /** Of this process, this one included. */
  readonly attempts: number;
  /** What proves the death that is reported; a Masakari takes none. */
  readonly proof: ReportedProof;
}

export type Sent =
  /** It is theirs now; `answer` is for the log. */
  | { readonly outcome: 'accepted'; readonly answer: string }
  /** They know it already, or do not want it now, and will not later. */
  | { readonly outcome: 'declined'; readonly reason: string }
  /** They will never take it. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** This one could not be taken; another may. */
  | { readonly outcome: 'failed'; readonly reason: string }
  /** Nobody takes anything at the moment. It may have arrived all the same. */
  | { readonly outcome: 'away'; readonly reason: string };

export interface Blindness {
  readonly monitor: MonitorName;
  readonly reason: string;
  /** For how long. */
  readonly ms: number;
}

export interface Target {
  /** For the log. */
  readonly description: string;
  /** Whether somebody would take a report now: undefined, or why not. Never throws. */
  reach(): Promise<string | undefined>;
  /** Never throws; bounded in time. */
  send(body: NotificationBody, facts: DeliveryFacts): Promise<Sent>;
  /** Never throws; undefined when nobody knows. */
  askInstance(uuid: string): Promise<InstanceFacts | undefined>;
  /** Says which monitors of this process cannot see, and which can. Never throws; said again while one is blind. */
  sayBlind(host: string, blind: readonly Blindness[], seeing: readonly MonitorName[]): Promise<void>;
  close(): Promise<void>;
}
