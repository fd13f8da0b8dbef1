import { z } from 'zod';

import { refusal } from '../../errors.ts';
import { accountDirectory, formatPolicyFile, parsePolicyFile, toWire } from '../../policy/index.ts';
import type { PagesDeps } from '../deps.ts';
import { csrfField, words } from '../fields.ts';
import type { Screen, Screens } from '../screen.ts';

/** `/admin/policy`: the rules as the file that `mciasctl policy export` writes, and what they say about one login. */
export function policyScreens(deps: PagesDeps, screens: Screens): Readonly<Record<string, Screen>> {
  const { store, policy, view, operations } = deps;
  const { page, action, perform } = screens;

  function rulesNow() {
    const { rules, revision } = policy.snapshot();
    const directory = accountDirectory(store.reader);
    const wire = rules.map((rule) => toWire(rule, directory));
    return { rules: wire, revision, file: formatPolicyFile(wire, revision) };
  }

  return {
    policy: page({
      who: 'admin',
      path: '/admin/policy',
      query: z.strictObject({
        account: z.string().optional(),
        service_name: z.string().optional(),
        tags: z.string().optional(),
      }),
      async show(request, visitor) {
        const { account, service_name, tags = '' } = request.query;
        const question = account === undefined ? null : { account, service_name, tags: words(tags) };
        const explained =
          question === null ? null : await perform(operations.policy.explain, question, request, visitor);
        return view.show(request, 'admin-policy', { ...rulesNow(), question, explained });
      },
    }),
    policyReplace: action({
      who: 'admin',
      isSensitive: true,
      path: '/admin/policy',
      back: '/admin/policy',
      fields: z.strictObject({ csrf: csrfField, revision: z.string(), file: z.string() }),
      async run(request, visitor) {
        const parsed = parsePolicyFile(request.body.file.replaceAll('\r\n', '\n'), 'rules');
        if (!parsed.ok) {
          const [first] = parsed.problems;
          const message = `the rules cannot be read: ${first?.message ?? ''}; nothing was changed`;
          throw refusal('invalid_argument', 'bad_rule', { message });
        }
        const input = { rules: parsed.rules, revision: request.body.revision };
        await perform(operations.policy.replaceSet, input, request, visitor);
        return '/admin/policy';
      },
    }),
  };
}
