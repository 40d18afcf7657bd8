/** The rights that tasks need of Keystone, of Mistral and of mail servers. */

import type { CallOptions } from '#openstack/http/call.ts';
import { errorMessage } from '#protocol/error-message.ts';
import { type MailServer, withPassword } from '../task-drivers/mail/server.ts';
import { ServerFault, type ServerSettings, Session } from '../task-drivers/mail/session.ts';
import type { Needs, WorkflowNeed } from './required-rights.ts';
import type { Right } from './right.ts';
import { NO_HOST } from './sample.ts';

/** For a user that does not exist: Keystone checks the right first. */
function readUsers(tasks: readonly string[]): Right {
  return {
    name: `read users (identity:get_user) for ${named(tasks)}`,
    async attempt({ cloud, call }) {
      await cloud.userAddress(NO_HOST, call);
      return undefined;
    },
  };
}

function useWorkflow({ task, workflow, isDefined }: WorkflowNeed): Right {
  return {
    name: `use workflow ${workflow ?? 'of a name that is not known yet'} of Mistral (workflows:get) for ${named([task])}`,
    async attempt({ cloud, call }) {
      const isThere = await cloud.workflows.has(workflow ?? NO_HOST, call);
      if (isThere || isDefined || workflow === undefined) return undefined;
      return { verdict: 'refused', reason: 'Mistral has no such workflow, and no definition_file creates it' };
    },
  };
}

/** Maximum wait for a mail server, ms. */
const MAIL_TIMEOUT_MS = 30_000;

/** Connects and logs in, as a task does, and sends nothing. */
function useMailServer({ task, ...server }: Needs['mailServers'][number]): MailRight {
  const login = server.user === '' ? '' : ` as ${server.user}`;
  return {
    name: `use mail server ${server.host}:${server.port}${login} for ${named([task])}`,
    async attempt({ signal: caller }) {
      const timeout = AbortSignal.timeout(MAIL_TIMEOUT_MS);
      const signal = caller ? AbortSignal.any([caller, timeout]) : timeout;
      try {
        (await Session.open(settingsOf(server), signal)).close();
      } catch (error) {
        if (!timeout.aborted || caller?.aborted) throw error;
        return { verdict: 'unknown', reason: `no response within ${MAIL_TIMEOUT_MS / 1000} s` };
      }
      return undefined;
    },
  };
}

function settingsOf(server: MailServer): ServerSettings {
  try {
    return withPassword(server);
  } catch (error) {
    throw new ServerFault(errorMessage(error), 'permanent', error);
  }
}

/** Of Keystone and Mistral. */
export function taskRights({ ownerTasks, workflows }: Needs): readonly Right[] {
  return [...(ownerTasks.length > 0 ? [readUsers(ownerTasks)] : []), ...workflows.map(useWorkflow)];
}

/** Needs no cloud. */
export interface MailRight {
  readonly name: string;
  attempt(call: CallOptions): ReturnType<Right['attempt']>;
}

export function mailRights({ mailServers }: Needs): readonly MailRight[] {
  return mailServers.map(useMailServer);
}

function named(tasks: readonly string[]): string {
  return `task ${tasks.map((task) => `"${task}"`).join(', ')}`;
}
