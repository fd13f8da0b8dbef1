import type { Command } from 'commander';

import { refuseUsage } from '../../../../mcdsl/command/errors.ts';
import { exitCode, formatTable } from '../../../../mcdsl/terminal/index.ts';
import type { Column } from '../../../../mcdsl/terminal/index.ts';
import { FirewallRuleKind, Origin } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import type { FirewallRule } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';
import { origins, ruleKinds, wordOf } from '../../admin/words.ts';
import { addCommand, addGroup, countOption, durationOption, exactlyOne } from '../command.ts';
import type { HelpPage } from '../command.ts';
import { firewallJson, messageJson, rateLimitJson, ruleJson } from '../json.ts';
import { addedText, geoipText, page, rateLimitText, removedText, showLine } from '../render.ts';
import type { Run } from '../session.ts';

type BlockOptions = { readonly ip?: string; readonly cidr?: string; readonly country?: string };
type RateOptions = { readonly limit?: number; readonly window?: number; readonly reset?: true };

/** `firewall show|block|unblock|allow|disallow|rate`. */
export function addFirewallCommands(program: Command, run: Run): void {
  const firewall = addGroup(program, 'firewall', 'show and change the firewall of all listeners');

  addCommand(firewall, 'show', {
    summary: 'show rules, rate limit and GeoIP database',
    description: 'Shows every rule with its origin, the rate limit and the state of the GeoIP database.',
    example: 'mcproxyctl firewall show --json',
  }).action(() =>
    run(async ({ admin, terminal, signal }) => {
      const answer = await admin.getFirewall({}, { signal });
      const limit = answer.rateLimit;
      terminal.show(firewallJson(answer), () =>
        page(
          [
            ['rate limit', `${rateLimitText(limit)}${limit?.origin === Origin.API ? ' (set by the API)' : ''}`],
            ['geoip', geoipText(answer.geoip)],
          ],
          answer.rules.length === 0 ? '' : formatTable(columns, answer.rules),
        ),
      );
      return exitCode.ok;
    }),
  );

  addBlockCommand(firewall, 'block', run, addRule, {
    summary: 'refuse connections from an address, a network or a country',
    description:
      'Refuses new connections from an address, a network or a country by RST. Allowed networks win over it.',
    example: 'mcproxyctl firewall block --cidr 203.0.113.0/24',
  });
  addBlockCommand(firewall, 'unblock', run, removeRule, {
    summary: 'take a block back',
    description: 'Removes a block that was added. One of the configuration file has to be removed there.',
    example: 'mcproxyctl firewall unblock --cidr 203.0.113.0/24',
  });
  addAllowCommand(firewall, 'allow', run, addRule, {
    summary: 'never block or limit a network',
    description: 'Addresses of the network are never blocked and never rate limited, whatever the other rules say.',
    example: 'mcproxyctl firewall allow --cidr 10.0.0.0/8',
  });
  addAllowCommand(firewall, 'disallow', run, removeRule, {
    summary: 'take an allowed network back',
    description: 'Removes an allowed network that was added. One of the configuration file has to be removed there.',
    example: 'mcproxyctl firewall disallow --cidr 10.0.0.0/8',
  });

  addCommand(firewall, 'rate', {
    summary: 'limit the connections of each address',
    description:
      'Sets how many connections one address (or its prefix) may open in a sliding window. 0 switches the limit off; ' +
      '--reset forgets what was set here and goes by the configuration file again.',
    example: 'mcproxyctl firewall rate --limit 20 --window 10s',
  })
    .option('--limit <n>', 'connections in a window; 0: no limit', countOption)
    .option('--window <duration>', 'length of the window; left out: as it is', durationOption)
    .option('--reset', "go by the configuration file's limit again")
    .action((options: RateOptions) => {
      const { limit, window: windowMs = 0, reset = false } = options;
      if (reset === (limit !== undefined || options.window !== undefined)) {
        refuseUsage('give either --limit, or --reset');
      }
      if (!reset && limit === undefined) refuseUsage('--window needs --limit');
      return run(async ({ admin, terminal, signal }) => {
        const answer = await admin.setRateLimit({ limit: limit ?? 0, windowMs, reset }, { signal });
        const { rateLimit, generation } = answer;
        const json = { rate_limit: rateLimit ? rateLimitJson(rateLimit) : null, generation };
        showLine(terminal, json, `rate limit: ${rateLimitText(rateLimit)} (generation ${generation})`);
        return exitCode.ok;
      });
    });
}

const columns: readonly Column<FirewallRule>[] = [
  { title: 'rule', value: (rule) => wordOf(ruleKinds, rule.kind) },
  { title: 'value', value: (rule) => rule.value },
  { title: 'origin', value: (rule) => wordOf(origins, rule.origin) },
];

type Change = (run: Run, rule: FirewallRule) => Promise<void>;

const addRule: Change = (run, rule) =>
  run(async ({ admin, terminal, signal }) => {
    const { rule: added, changed, generation } = await admin.addFirewallRule({ rule }, { signal });
    const json = { rule: added ? ruleJson(added) : null, changed, generation };
    showLine(terminal, json, addedText(ruleText(added ?? rule), { changed, generation }));
    return exitCode.ok;
  });

const removeRule: Change = (run, rule) =>
  run(async ({ admin, terminal, signal }) => {
    const answer = await admin.removeFirewallRule({ rule }, { signal });
    showLine(terminal, messageJson(answer), removedText(ruleText(rule), answer));
    return exitCode.ok;
  });

function ruleText(rule: FirewallRule): string {
  return `${wordOf(ruleKinds, rule.kind)} ${rule.value}`;
}

function addBlockCommand(firewall: Command, name: string, run: Run, change: Change, help: HelpPage): void {
  addCommand(firewall, name, help)
    .option('--ip <address>', 'one address')
    .option('--cidr <network>', 'a network such as 203.0.113.0/24 or 2001:db8::/32')
    .option('--country <code>', 'a country by its ISO 3166-1 alpha-2 code')
    .action((options: BlockOptions) => {
      const [kind, value] = exactlyOne({
        blocked_ip: { flag: '--ip', value: options.ip },
        blocked_cidr: { flag: '--cidr', value: options.cidr },
        blocked_country: { flag: '--country', value: options.country },
      });
      return change(run, { kind: ruleKinds[kind], value, origin: Origin.UNSPECIFIED });
    });
}

function addAllowCommand(firewall: Command, name: string, run: Run, change: Change, help: HelpPage): void {
  addCommand(firewall, name, help)
    .requiredOption('--cidr <network>', 'a network such as 10.0.0.0/8 or 2001:db8::/32')
    .action(({ cidr }: { readonly cidr: string }) =>
      change(run, { kind: FirewallRuleKind.ALLOWED_CIDR, value: cidr, origin: Origin.UNSPECIFIED }),
    );
}
