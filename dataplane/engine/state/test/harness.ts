import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatProblems, loadConfigText } from '../../../../mcdsl/config/index.ts';
import type { SnapshotChange } from '../../../proxy/model.ts';
import { proxyConfig, toDesired, type ConfiguredState } from '../../config/index.ts';
import type { NewEvent } from '../../events/index.ts';
import { openStore, type Store } from '../../store/index.ts';
import { createState, type State } from '../index.ts';
import { createReplica, pictureOf, type Replica } from './replica.ts';

export interface Harness extends AsyncDisposable {
  readonly dir: string;
  readonly database: string;
  readonly state: State;
  readonly store: Store;
  /** Each publication, in order. */
  readonly published: SnapshotChange[][];
  readonly events: NewEvent[];
  /** What workers do with a publication after they applied it; replace it to hold or fail one. */
  publish: (changes: readonly SnapshotChange[]) => Promise<void>;
  /** As a crash and a new start: nothing but the database and the file survives. */
  restart(configText?: string): Promise<void>;
  /** The wall clock stands still but for this; timers that run don't notice. */
  passTime(ms: number): void;
  /** A change that nobody waits for failed; replace it where that is expected. */
  failed: (what: string, error: unknown) => void;
  /** Whether a worker that lived through all changes decides as one that starts now. */
  inSync(): { readonly worker: unknown; readonly fresh: unknown };
}

export function configuredFrom(text: string): ConfiguredState {
  const loaded = loadConfigText(proxyConfig, { file: 'mc-proxy.toml', text });
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
  return toDesired(loaded).configured;
}

export const TWO_LISTENERS = `
[[listeners]]
addr = ":443"
[[listeners.routes]]
hostname = "file.example.test"
backend = "10.0.0.7:8443"
mode = "l4"
[[listeners]]
addr = ":8443"
[firewall]
blocked_cidrs = ["192.0.2.0/24"]
rate_limit = 20
`;

export function makeHarness(configText = TWO_LISTENERS, directory?: string): Harness {
  const dir = directory ?? mkdtempSync(join(tmpdir(), 'mc-proxy-state-'));
  const database = join(dir, 'mc-proxy.db');
  const published: SnapshotChange[][] = [];
  const events: NewEvent[] = [];
  let text = configText;
  let nowMs = Date.now();
  let { state, store, replica } = start();

  function start(): { state: State; store: Store; replica: Replica } {
    const opened = openStore({ path: database, busyTimeoutMs: 20 });
    const created = createState(
      {
        configured: configuredFrom(text),
        store: opened,
        async publish(_generation, changes) {
          published.push([...changes]);
          replica.apply(structuredClone(changes));
          await harness.publish(changes);
        },
        report: (event) => events.push(event),
        failed: (what, error) => harness.failed(what, error),
      },
      { certificatePollMs: 0, now: () => nowMs },
    );
    return { state: created, store: opened, replica: createReplica(structuredClone(created.snapshot())) };
  }

  const harness: Harness = {
    dir,
    database,
    published,
    events,
    publish: () => Promise.resolve(),
    failed(what, error) {
      throw new Error(what, { cause: error });
    },
    passTime: (ms) => void (nowMs += ms),
    get state() {
      return state;
    },
    get store() {
      return store;
    },
    async restart(next = text) {
      await state[Symbol.asyncDispose]();
      text = next;
      ({ state, store, replica } = start());
    },
    inSync: () => ({ worker: replica.picture(), fresh: pictureOf(state.snapshot()) }),
    async [Symbol.asyncDispose]() {
      await state[Symbol.asyncDispose]();
      if (directory === undefined) rmSync(dir, { recursive: true });
    },
  };
  return harness;
}
