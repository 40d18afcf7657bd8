/** Placeholder until the merge of the intake branch. */
import type { LogbookRow } from '../journal/words.ts';

export type ReportOrder = 'death newer' | 'return newer' | 'in doubt';
type Report = Pick<LogbookRow, 'id' | 'accepted_at' | 'generated_at'>;
const clamped = ({ accepted_at, generated_at }: Report): number => Math.min(accepted_at, generated_at);

export function orderOfReports(death: Report, back: Report): ReportOrder {
  const isAcceptedLater = back.id > death.id;
  const isGeneratedLater = clamped(back) >= clamped(death);
  if (isAcceptedLater !== isGeneratedLater && clamped(back) !== clamped(death)) return 'in doubt';
  return isAcceptedLater ? 'return newer' : 'death newer';
}
