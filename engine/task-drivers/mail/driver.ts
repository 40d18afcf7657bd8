/**
 * A task that is a mail: to addresses of the definition, or to the owners of the instances of a failed host.
 *
 * Invariant: the recipients are selected once in a flow and are in the journal before the first mail is sent: an engine that takes over
 * writes to the same recipients, even if Keystone has changed.
 */

import { hostname } from 'node:os';
import { OWNERS } from '#config/pipelines/drivers/mail.ts';
import { isOthersAddress } from '#config/pipelines/drivers/mail-address.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { TaskFailure } from '../../flow/outcome.ts';
import type { Json } from '../../flow/plan.ts';
import type { Driver, DriverCall } from '../driver.ts';
import { addressesIn, filledAddresses, type Mailbox, mailboxOf } from './address.ts';
import { deliver } from './delivery.ts';
import { type MailMessage, messageIdOf } from './message.ts';
import { type Owner, ownersOf } from './owners.ts';
import { type Affected, affectedIn, textOf } from './report.ts';
import { serverOf, withPassword } from './server.ts';
import type { ServerSettings } from './session.ts';

export const mail: Driver = {
  steps: 'own',

  async run(call) {
    const { options } = call;
    const from = mailboxOf(String(options.from));
    if (!from) throw new TaskFailure('"from" is no mail address');
    const server = settingsOf(options);
    // As in the definition: a value must not add owners to it, nor more addresses.
    const to = String(call.definition.options.to).trim();
    const mails =
      to === OWNERS ? await messagesToOwners(call, from) : messagesTo(recipientsIn(to, call), to, call, from);
    return { ...(await deliver(call, mails, server)) };
  },
};

function settingsOf(options: DriverCall['options']): ServerSettings {
  try {
    return withPassword(serverOf(options));
  } catch (error) {
    throw new TaskFailure(errorMessage(error), 'work', error);
  }
}

function recipientsIn(to: string, { context }: DriverCall): string {
  try {
    return filledAddresses(to, context.inputs);
  } catch (error) {
    throw new TaskFailure(`"to" cannot be used: ${errorMessage(error)}`);
  }
}

function messagesTo(to: string, written: string, call: DriverCall, from: Mailbox): MailMessage[] {
  const found = addressesIn(to, written);
  if ('fault' in found) throw new TaskFailure(`"to" cannot be used: ${found.fault}`);
  const { options, inputs } = call;
  const text = textOf(String(options.body), inputs, 'operator', affectedIn(inputs));
  return found.addresses.map((address) => messageTo(address, text, call, from));
}

async function messagesToOwners(call: DriverCall, from: Mailbox): Promise<MailMessage[]> {
  const { options, inputs } = call;
  const instances = affectedIn(inputs) ?? [];
  const byUuid = new Map(instances.map((instance) => [instance.uuid, instance]));
  const owners = await frozenOwners(call, instances);
  if (owners.length === 0) call.context.progress('There is no recipient', 1);
  return owners.map(({ address, instances: own }) => {
    const theirs = own.flatMap((uuid) => byUuid.get(uuid) ?? []);
    return messageTo(address, textOf(String(options.body), inputs, 'owner', theirs), call, from);
  });
}

function messageTo(to: string, text: string, { options, stepKey }: DriverCall, from: Mailbox): MailMessage {
  return { from, to, subject: String(options.subject), text, messageId: messageIdOf(stepKey, to, from) };
}

async function frozenOwners({ task, context }: DriverCall, instances: readonly Affected[]): Promise<readonly Owner[]> {
  const { steps } = context;
  const [step] = await steps.plan([{ key: `owners:${task}`, kind: 'owners', object: task, before: null }]);
  if (!step) throw new Error('the journal planned no step');
  // Only this task writes the detail, and in this form.
  if (step.state === 'done') {
    const frozen = step.detail.owners as unknown as readonly Owner[];
    // The journal may have been changed since: a recipient that this task would not have frozen gets no mail.
    return frozen.filter(({ address }) => isOthersAddress(address, [hostname()]));
  }
  const { owners, unreached } = await ownersOf(context, instances);
  for (const { uuid, name, userId, projectId } of unreached) {
    context.progress(
      `No mail about instance ${uuid} (${name}): user ${userId} and project ${projectId} have no address, or none that mail may go to`,
    );
  }
  await steps.settle([{ step, state: 'done', detail: { owners: owners as unknown as Json } }]);
  return owners;
}
