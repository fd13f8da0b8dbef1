import { readFileSync } from 'node:fs';

import type { Command } from 'commander';

import { messageOf } from '../../../../mcdsl/errors/index.ts';
import { exitCode, formatPairs, formatTable } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import type { PolicyDecision, RuleTrace } from '../../../../proto/gen/mcias/v1/common.ts';
import type { PolicyRule } from '../../../../proto/gen/mcias/v1/policy.ts';
import { ctlErrors } from '../errors.ts';
import { shown } from '../json.ts';
import { addGroup, collect, timeText, wholeNumber } from '../options.ts';
import { formatRules, parseOneRule, parseRules } from '../policy-file.ts';
import type { Run, Session } from '../session.ts';

type ExplainOptions = {
  readonly account: string;
  readonly service: string;
  readonly tag?: readonly string[];
  readonly detailedExitcode?: true;
};

/** `policy list|get|put|delete|enable|disable|export|import|explain`. */
export function addPolicyCommands(program: Command, run: Run): void {
  const policy = addGroup(program, 'policy', 'who may log in where');

  policy
    .command('list')
    .description('list the rules in the order of their evaluation')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { rules } = await api.policy.getSet({}, { signal });
        terminal.showTable(
          columns,
          rules.toSorted((a, b) => a.priority - b.priority || a.id - b.id),
          shown,
        );
      }),
    );

  policy
    .command('get')
    .description('print one rule as TOML, for `policy put`')
    .argument('<id>', 'number of the rule', wholeNumber)
    .action((id: number) =>
      run(async (session) => {
        const { rule } = await session.api.policy.getRule({ id }, { signal: session.signal });
        if (rule === undefined) return;
        // One rule is what stands below [[rules]] in the whole file.
        const text = formatRules([rule], 0).split('[[rules]]\n')[1] ?? '';
        session.terminal.show(shown(rule), () => text);
      }),
    );

  policy
    .command('put')
    .description('add a rule from a TOML file, or replace the one of its id')
    .argument('<file>', 'the rule; - for standard input')
    .action((file: string) =>
      run(async (session) => {
        const rule = parseOneRule(read(file), file);
        await put(session, rule);
      }),
    );

  policy
    .command('delete')
    .description('delete a rule')
    .argument('<id>', 'number of the rule', wholeNumber)
    .action((id: number) =>
      run(async ({ api, terminal, signal }) => {
        const { revision } = await api.policy.getSet({}, { signal });
        const after = await api.policy.deleteRule({ id, revision }, { signal });
        terminal.show(
          { id, deleted: true, revision: after.revision },
          () => `rule ${id} is deleted (revision ${after.revision})`,
        );
      }),
    );

  for (const what of ['enable', 'disable'] as const) {
    policy
      .command(what)
      .description(what === 'enable' ? 'put a rule in force' : 'put a rule out of force, and keep it')
      .argument('<id>', 'number of the rule', wholeNumber)
      .action((id: number) =>
        run(async (session) => {
          const { rule } = await session.api.policy.getRule({ id }, { signal: session.signal });
          if (rule !== undefined) await put(session, { ...rule, enabled: what === 'enable' });
        }),
      );
  }

  policy
    .command('export')
    .description('print the whole set as TOML, for `policy import`')
    .action(() =>
      run(async ({ api, terminal, signal }) => {
        const { rules, revision } = await api.policy.getSet({}, { signal });
        terminal.show({ rules: shown(rules), revision }, () => formatRules(rules, revision));
      }),
    );

  policy
    .command('import')
    .description('replace the whole set in one change')
    .argument('<file>', 'as policy export prints it; - for standard input')
    .option('--check-revision <number>', 'only if this revision is in force', wholeNumber)
    .action((file: string, { checkRevision }: { readonly checkRevision?: number }) =>
      run(async ({ api, terminal, signal }) => {
        const rules = [...parseRules(read(file), file)];
        const revision = checkRevision ?? (await api.policy.getSet({}, { signal })).revision;
        const after = await api.policy.replaceSet({ rules, revision }, { signal });
        const count = after.rules.length;
        terminal.show(
          { rules: count, revision: after.revision },
          () => `${count} rules in force (revision ${after.revision})`,
        );
      }),
    );

  policy
    .command('explain')
    .description('show how a login would be decided, rule by rule')
    .requiredOption('--account <name>')
    .requiredOption('--service <name>')
    .option('--tag <tag>', 'a tag of the context; may be repeated', collect)
    .option('--detailed-exitcode', 'exit with 2 when it would be denied')
    .action(({ account, service, tag = [], detailedExitcode }: ExplainOptions) =>
      run(async ({ api, terminal, signal }) => {
        const subject = { $case: 'account', value: account } as const;
        const request = { subject, serviceName: service, tags: [...tag] };
        const { policy: decision } = await api.policy.explain(request, { signal });
        terminal.show(decisionJson(decision), () => decisionText(decision));
        return detailedExitcode === true && decision?.decision !== 'allow' ? exitCode.drift : exitCode.ok;
      }),
    );
}

async function put({ api, terminal, signal }: Session, rule: PolicyRule): Promise<void> {
  const { revision } = await api.policy.getSet({}, { signal });
  const request = { rule, revision };
  const after =
    rule.id === 0 ? await api.policy.createRule(request, { signal }) : await api.policy.putRule(request, { signal });
  const id = after.rule?.id ?? rule.id;
  terminal.show(
    { rule: shown(after.rule), revision: after.revision },
    () => `rule ${id} is written (revision ${after.revision})`,
  );
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw ctlErrors.error('file_refused', `${file} cannot be read: ${messageOf(cause)}`, {}, { cause });
  }
}

/** The names of conditions are data, not fields. */
function decisionJson(decision: PolicyDecision | undefined): unknown {
  const trace = decision?.trace.map(({ conditions, ...entry }) => ({ ...(shown(entry) as object), conditions }));
  return { ...(shown(decision) as object), trace };
}

function decisionText(decision: PolicyDecision | undefined): string {
  if (decision === undefined) return '';
  const { reason, ruleId, priority, revision, wouldMatch, trace } = decision;
  const pairs = formatPairs([
    ['decision', decision.decision],
    ['reason', reason],
    ['rule', ruleId],
    ['priority', priority],
    ['without the role admin', wouldMatch],
    ['revision', revision],
  ]);
  return trace.length === 0 ? pairs : `${pairs}\n${formatTable(traceColumns, trace)}`;
}

const columns: readonly Column<PolicyRule>[] = [
  { title: 'rule', align: 'right', value: ({ id }) => id },
  { title: 'priority', align: 'right', value: ({ priority }) => priority },
  { title: 'effect', value: ({ effect }) => effect },
  { title: 'enabled', value: ({ enabled }) => (enabled ? 'yes' : 'no') },
  { title: 'conditions', value: conditionsText },
  { title: 'until', value: ({ expiresAt }) => timeText(expiresAt) },
  { title: 'description', value: ({ description }) => description },
];

const traceColumns: readonly Column<RuleTrace>[] = [
  { title: 'rule', align: 'right', value: ({ ruleId }) => ruleId },
  { title: 'priority', align: 'right', value: ({ priority }) => priority },
  { title: 'effect', value: ({ effect }) => effect },
  { title: 'matches', value: ({ matched }) => (matched ? 'yes' : 'no') },
  {
    title: 'fails',
    value: ({ conditions }) =>
      Object.entries(conditions)
        .filter(([, holds]) => !holds)
        .map(([name]) => name)
        .join(', '),
  },
];

function conditionsText({ roles, accountTypes, accounts, services, tags }: PolicyRule): string {
  const lists = { roles, account_types: accountTypes, accounts, services, tags };
  return Object.entries(lists)
    .filter(([, values]) => values.length > 0)
    .map(([name, values]) => `${name}[${values.join(', ')}]`)
    .join(' ');
}
