import { proxyErrors } from '../../errors.ts';
import { configuredFrom, type Harness } from './harness.ts';

export const LISTENERS = ['a', 'b'] as const;
export const HOSTS = ['one.test', 'two.test'] as const;
export const RULES = ['192.0.2.1', '192.0.2.2', '2001:db8::1'] as const;
export const AGENTS = ['zgrab', 'nuclei'] as const;

const ADDR = { a: '127.0.0.1:1', b: '127.0.0.1:2' } as const;
type Listener = keyof typeof ADDR;
type Host = (typeof HOSTS)[number];
type Mode = 'l4' | 'l7';

export interface FileRoute {
  readonly listener: Listener;
  readonly host: Host;
  readonly mode: Mode;
  readonly port: number;
}

/** A configuration file of the model: listener `a` always, `b` sometimes. */
export interface ModelFile {
  readonly withB: boolean;
  readonly routes: readonly FileRoute[];
  readonly rules: readonly string[];
  readonly limit: number;
}

export type Operation =
  | ({ readonly kind: 'add_route' } & FileRoute)
  | { readonly kind: 'remove_route'; readonly listener: Listener; readonly host: Host }
  | { readonly kind: 'add_rule' | 'remove_rule'; readonly value: string }
  | { readonly kind: 'set_limit'; readonly limit: number }
  | { readonly kind: 'reset_limit' }
  | {
      readonly kind: 'add_policy' | 'remove_policy';
      readonly listener: Listener;
      readonly host: Host;
      readonly agent: string;
    }
  | { readonly kind: 'reload' | 'restart'; readonly file: ModelFile }
  | { readonly kind: 'crash' };

interface Pair {
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** The state as a page of obvious code: what every operation should answer and what should be visible after it. */
export class Model {
  #file: ModelFile;
  readonly #pair: Pair;
  readonly #routes = new Map<string, FileRoute>();
  readonly #rules = new Set<string>();
  readonly #policies = new Set<string>();
  #limit: number | null = null;

  constructor(file: ModelFile, pair: Pair) {
    this.#file = file;
    this.#pair = pair;
  }

  text(file = this.#file): string {
    const listeners = LISTENERS.filter((name) => name === 'a' || file.withB).map((name) => {
      const seen = new Set<string>();
      const routes = file.routes.filter(({ listener, host }) => listener === name && !seen.has(host) && seen.add(host));
      return [`[[listeners]]\naddr = "${ADDR[name]}"`, ...routes.map((route) => this.#routeText(route))].join('\n');
    });
    const rules = JSON.stringify([...new Set(file.rules)]);
    return `${listeners.join('\n')}\n[firewall]\nblocked_ips = ${rules}\nrate_limit = ${file.limit}\n`;
  }

  /** Does the operation to both; returns what each answered: the code of a refusal, or whether something changed. */
  async both(harness: Harness, operation: Operation): Promise<{ expected: string; actual: string }> {
    const expected = this.#expect(operation);
    const actual = await this.#run(harness, operation).then(
      (changed) => (changed === false ? 'same' : 'ok'),
      (error: unknown) => {
        if (!proxyErrors.is(error)) throw error;
        return error.code;
      },
    );
    return { expected, actual };
  }

  view(): unknown {
    const served = LISTENERS.flatMap((listener) => HOSTS.map((host) => this.#base(listener, host))).filter(
      (base) => base !== null,
    );
    return {
      routes: served
        .map(({ route, origin }) => `${ADDR[route.listener]} ${route.host} ${route.mode} ${route.port} ${origin}`)
        .sort(),
      rules: [...new Set([...this.#file.rules, ...this.#rules])].sort(),
      limit: this.#limit ?? this.#file.limit,
      agents: served
        .map(({ route }) => {
          const agents = AGENTS.filter((agent) => this.#policies.has(`${route.listener} ${route.host} ${agent}`));
          return `${ADDR[route.listener]} ${route.host} ${route.mode === 'l7' ? agents.toSorted().join() : ''}`;
        })
        .sort(),
    };
  }

  #expect(operation: Operation): string {
    switch (operation.kind) {
      case 'add_route': {
        const { listener, host, mode, port } = operation;
        if (!this.#has(listener)) return 'listener_unknown';
        const before = this.#routes.get(`${listener} ${host}`);
        if (before?.mode === mode && before.port === port) return 'same';
        this.#routes.set(`${listener} ${host}`, { listener, host, mode, port });
        return 'ok';
      }
      case 'remove_route': {
        const { listener, host } = operation;
        const left = [...this.#routes.values()].some((route) => route.listener === listener);
        if (!this.#has(listener) && !left) return 'listener_unknown';
        const ofFile = this.#ofFile(listener, host);
        if (!this.#routes.delete(`${listener} ${host}`)) return ofFile ? 'route_is_configured' : 'route_not_found';
        if (!ofFile) for (const agent of AGENTS) this.#policies.delete(`${listener} ${host} ${agent}`);
        return 'ok';
      }
      case 'add_rule': {
        if (this.#file.rules.includes(operation.value) || this.#rules.has(operation.value)) return 'same';
        this.#rules.add(operation.value);
        return 'ok';
      }
      case 'remove_rule':
        if (this.#file.rules.includes(operation.value)) return 'rule_is_configured';
        return this.#rules.delete(operation.value) ? 'ok' : 'rule_not_found';
      case 'set_limit':
        if (operation.limit < 0) return 'rate_limit_invalid';
        this.#limit = operation.limit;
        return 'ok';
      case 'reset_limit':
        this.#limit = null;
        return 'ok';
      case 'add_policy': {
        const { listener, host, agent } = operation;
        if (!this.#has(listener)) return 'listener_unknown';
        const base = this.#base(listener, host);
        if (!base) return 'route_not_found';
        if (base.route.mode === 'l4') return 'policy_needs_l7';
        const id = `${listener} ${host} ${agent}`;
        if (this.#policies.has(id)) return 'same';
        this.#policies.add(id);
        return 'ok';
      }
      case 'remove_policy': {
        const { listener, host, agent } = operation;
        const left = [...this.#routes.values()].some((route) => route.listener === listener);
        if (!this.#has(listener) && !left) return 'listener_unknown';
        if (this.#policies.delete(`${listener} ${host} ${agent}`)) return 'ok';
        return this.#base(listener, host) ? 'policy_not_found' : 'route_not_found';
      }
      case 'reload':
      case 'restart':
        this.#file = operation.file;
        return 'ok';
      case 'crash':
        return 'ok';
      default:
        return operation satisfies never;
    }
  }

  async #run({ state, restart }: Harness, operation: Operation): Promise<boolean | undefined> {
    switch (operation.kind) {
      case 'add_route': {
        const { listener, host: hostname, mode, port } = operation;
        const files = mode === 'l7' ? this.#pair : {};
        return (await state.addRoute(ADDR[listener], { hostname, backends: [`10.0.0.1:${port}`], mode, ...files }))
          .changed;
      }
      case 'remove_route':
        await state.removeRoute(ADDR[operation.listener], operation.host);
        return undefined;
      case 'add_rule':
        return (await state.addFirewallRule('blocked_ip', operation.value)).changed;
      case 'remove_rule':
        await state.removeFirewallRule('blocked_ip', operation.value);
        return undefined;
      case 'set_limit':
        await state.setRateLimit(operation.limit, 10_000);
        return undefined;
      case 'reset_limit':
        await state.resetRateLimit();
        return undefined;
      case 'add_policy':
      case 'remove_policy': {
        const { listener, host: hostname, agent: value } = operation;
        const policy = { listener: ADDR[listener], hostname, kind: 'block_user_agent', value } as const;
        if (operation.kind === 'add_policy') return (await state.addPolicy(policy)).changed;
        await state.removePolicy(policy);
        return undefined;
      }
      case 'reload':
        await state.reload(configuredFrom(this.text()));
        return undefined;
      case 'restart':
      case 'crash':
        await restart(this.text());
        return undefined;
      default:
        return operation satisfies never;
    }
  }

  #has(listener: Listener): boolean {
    return listener === 'a' || this.#file.withB;
  }

  #ofFile(listener: Listener, host: Host): FileRoute | undefined {
    if (!this.#has(listener)) return undefined;
    return this.#file.routes.find((route) => route.listener === listener && route.host === host);
  }

  #base(listener: Listener, host: Host): { route: FileRoute; origin: 'api' | 'config' } | null {
    if (!this.#has(listener)) return null;
    const api = this.#routes.get(`${listener} ${host}`);
    if (api) return { route: api, origin: 'api' };
    const route = this.#ofFile(listener, host);
    return route ? { route, origin: 'config' } : null;
  }

  #routeText({ host, mode, port }: FileRoute): string {
    const files = mode === 'l7' ? `\ntls_cert = "${this.#pair.tlsCert}"\ntls_key = "${this.#pair.tlsKey}"` : '';
    return `[[listeners.routes]]\nhostname = "${host}"\nbackend = "10.0.0.1:${port}"\nmode = "${mode}"${files}`;
  }
}

/** The same page of facts, read from the state. */
export function viewOf({ state }: Harness): unknown {
  const routes = state.routes();
  const snapshot = state.snapshot();
  return {
    routes: routes
      .map(
        ({ listener, spec, origin }) =>
          `${listener} ${spec.hostname} ${spec.mode} ${spec.backends[0]?.split(':')[1]} ${origin}`,
      )
      .sort(),
    rules: state
      .firewall()
      .rules.map(({ rule }) => rule.value)
      .sort(),
    limit: state.firewall().rateLimit.limit,
    agents: snapshot.listeners
      .flatMap(({ addr, routes: served }) =>
        served.map(({ hostname, policies }) => `${addr} ${hostname} ${policies.blockUserAgents.toSorted().join()}`),
      )
      .sort(),
  };
}
