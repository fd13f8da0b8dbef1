import { setTimeout as delay } from 'node:timers/promises';

import {
  AuditServiceService,
  type AuditEntry,
  type AuditFilter,
  type FollowAuditRequest,
  type FollowAuditResponse,
  type ListAuditRequest,
} from '../../../../proto/gen/mcias/v1/audit.ts';
import { defineService, type CallContext } from '../../../../mcdsl/grpc/index.ts';
import type { Operations } from '../operations/index.ts';
import { camel } from './camel.ts';
import { lastPage, pageFields, ruleOf, serve, type Rpcs } from './rpc.ts';

/** A follower looks at the log so often: entries of other processes are seen too. */
const lookEveryMs = 250;

export function auditService({ audit }: Operations, rpcs: Rpcs) {
  const { rpc, admit, perform } = rpcs;
  return defineService(
    AuditServiceService,
    serve({
      list: rpc(
        audit.list,
        ({ page, filter }: ListAuditRequest) => ({ ...pageFields(page), ...filterFields(filter) }),
        (output) => ({ entries: output.entries.map(entryMessage), ...lastPage(output) }),
      ),
      follow: {
        rule: ruleOf(audit.after, admit),
        async *handle(request: FollowAuditRequest, context: CallContext): AsyncGenerator<FollowAuditResponse> {
          let afterSeq = request.afterSeq;
          for (let isRepeated = false; ; isRepeated = true) {
            const fields = { ...filterFields(request.filter), after_seq: afterSeq };
            const { entries, after_seq } = await perform(audit.after, fields, context, isRepeated);
            for (const entry of entries) yield { entry: entryMessage(entry) };
            afterSeq = after_seq;
            if (entries.length > 0) continue;
            await delay(lookEveryMs, undefined, { signal: context.signal });
            // A follower whose token or role is gone learns no more.
            await admit(audit.after, context);
          }
        },
      },
    }),
  );
}

type ListedEntry = Awaited<ReturnType<Operations['audit']['list']['run']>>['entries'][number];

function entryMessage({ details, ...entry }: ListedEntry): AuditEntry {
  return { ...camel(entry), detailsJson: JSON.stringify(details) };
}

function filterFields(filter: AuditFilter | undefined): object {
  const { since, until, account, event } = filter ?? {};
  return { since: since?.toISOString(), until: until?.toISOString(), account, event };
}
