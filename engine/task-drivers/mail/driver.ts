/**
 * A task that is a mail: to addresses of the definition, or to the owners of the instances of a failed host.
 *
 * Invariant: who gets a mail is decided once in a flow and is in the journal before the first one leaves: an engine that
 * takes over writes to the same people, whatever Keystone says by then.
 */
import { OWNERS } from '#config/mail-task.ts';
import { readSecret } from '#config/secret-file.ts';
import { TaskFailure } from '../../../flow/outcome.ts';
import type { Json } from '../../../flow/plan.ts';
import type { Driver, DriverCall } from '../driver.ts';
import { addressesIn, filledAddresses, type Mailbox, mailboxOf } from './address.ts';
import { deliver } from './delivery.ts';
import { type Letter, messageIdOf } from './letter.ts';
import { type Owner, ownersOf } from './owners.ts';
import { type Affected, affectedIn, textOf } from './report.ts';
import type { ServerSettings } from './session.ts';

export const mail: Driver = {
  steps: 'own',

  async run(call) {
    const { options } = call;
    const from = mailboxOf(String(options.from));
    if (!from) throw new TaskFailure('"from" is no mail address');
    const server = serverOf(options);
    // As it is written: a value must not make owners of it, nor more addresses of one.
    const to = String(call.definition.options.to).trim();
    const letters = to === OWNERS ? await lettersToOwners(call, from) : lettersTo(recipientsIn(to, call), call, from);
    return { ...(await deliver(call, letters, server)) };
  },
};

function serverOf(options: DriverCall['options']): ServerSettings {
  const { smtpHost, smtpPort, smtpTls, smtpUser, smtpPasswordFile, smtpCaFile } = options;
  const user = String(smtpUser);
  return {
    host: String(smtpHost),
    port: Number(smtpPort),
    tls: smtpTls as ServerSettings['tls'],
    caFile: String(smtpCaFile),
    user,
    password: user === '' ? '' : passwordIn(String(smtpPasswordFile)),
  };
}

function passwordIn(file: string): string {
  try {
    return readSecret(file, 'the password for the mail server');
  } catch (error) {
    throw new TaskFailure(error instanceof Error ? error.message : String(error), 'work', error);
  }
}

function recipientsIn(to: string, { context }: DriverCall): string {
  try {
    return filledAddresses(to, context.inputs);
  } catch (error) {
    throw new TaskFailure(`"to" cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function lettersTo(to: string, call: DriverCall, from: Mailbox): Letter[] {
  const found = addressesIn(to);
  if ('fault' in found) throw new TaskFailure(`"to" cannot be used: ${found.fault}`);
  const { options, inputs } = call;
  const text = textOf(String(options.body), inputs, 'operator', affectedIn(inputs));
  return found.addresses.map((address) => letterTo(address, text, call, from));
}

async function lettersToOwners(call: DriverCall, from: Mailbox): Promise<Letter[]> {
  const { options, inputs } = call;
  const instances = affectedIn(inputs) ?? [];
  const byUuid = new Map(instances.map((instance) => [instance.uuid, instance]));
  const owners = await frozenOwners(call, instances);
  if (owners.length === 0) call.context.progress('There is nobody to write to', 1);
  return owners.map(({ address, instances: own }) => {
    const theirs = own.flatMap((uuid) => byUuid.get(uuid) ?? []);
    return letterTo(address, textOf(String(options.body), inputs, 'owner', theirs), call, from);
  });
}

function letterTo(to: string, text: string, { options, stepKey }: DriverCall, from: Mailbox): Letter {
  return { from, to, subject: String(options.subject), text, messageId: messageIdOf(stepKey, to, from) };
}

async function frozenOwners({ task, context }: DriverCall, instances: readonly Affected[]): Promise<readonly Owner[]> {
  const { steps } = context;
  const [step] = await steps.plan([{ key: `owners:${task}`, kind: 'owners', object: task, before: null }]);
  if (!step) throw new Error('the journal planned no step');
  // Only this task writes the detail, and in this form.
  if (step.state === 'done') return step.detail.owners as unknown as readonly Owner[];
  const { owners, unreached } = await ownersOf(context, instances);
  for (const { uuid, name, userId, projectId } of unreached) {
    context.progress(
      `No mail about instance ${uuid} (${name}): user ${userId} and project ${projectId} have no address`,
    );
  }
  await steps.settle([{ step, state: 'done', detail: { owners: owners as unknown as Json } }]);
  return owners;
}
