/** The target of reports: an engine of ours, or the API of a Masakari. */
import type { ReportedProof } from '#protocol/death-proof.ts';
import type { NotificationBody } from '#protocol/notification.ts';
import type { InstanceFacts, MonitorName } from '../../service/monitor.ts';

/** Sent beside the notification, whose format is Masakari's and has no field for it. */
export interface DeliveryFacts {
  readonly ageMs: number;
  /** Of this process, this one included. */
  readonly attempts: number;
  /** The proof of the reported death; a Masakari accepts none. */
  readonly proof: ReportedProof;
}

export type Sent =
  /** The target has stored it; `answer` is for the log. */
  | { readonly outcome: 'accepted'; readonly answer: string }
  /** The target has it already, or does not accept it now, and will not later. */
  | { readonly outcome: 'declined'; readonly reason: string }
  /** The target will never accept it. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** This report was not accepted; another one may be. */
  | { readonly outcome: 'failed'; readonly reason: string }
  /** No target accepts reports at the moment. The report may have arrived nevertheless. */
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
  /** Whether a target would accept a report now: undefined, or the reason why not. Never throws. */
  reach(): Promise<string | undefined>;
  /** Never throws; bounded in time. */
  send(body: NotificationBody, facts: DeliveryFacts): Promise<Sent>;
  /** Never throws; undefined if the facts are unknown. */
  queryInstance(uuid: string): Promise<InstanceFacts | undefined>;
  /** Reports which monitors of this process are blind, and which are not. Never throws; repeated while one is blind. */
  reportBlind(host: string, blind: readonly Blindness[], seeing: readonly MonitorName[]): Promise<void>;
  close(): Promise<void>;
}
