import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2';
import { afterEach, beforeEach, expect } from 'vitest';
import { createRig, listenOn, type Rig } from './harness.ts';
import { openWire, type WireClient } from './h2-wire.ts';

const MIB = 1024 * 1024;
const CHUNK = Buffer.alloc(MIB, 0x61);
const MAX_GROWTH_BYTES = 150 * MIB;

/** A field of requests that the backend leaves unanswered, so that their streams are open for what comes next. */
export const HOLD = [['x-hold', '1']] as const;

export interface Attacked {
  /** Requests that have reached the backend. */
  readonly asked: number;
  readonly reasons: readonly string[];
  /** A connection of the attacker. */
  open(settings?: Buffer): Promise<WireClient>;
  refused(count: number): Promise<void>;
  /** The connection ran into a budget: GOAWAY, its end, and one refusal however many frames went over it. */
  expectCut(client: WireClient): Promise<void>;
}

export function streamId(index: number): number {
  return 2 * index + 1;
}

/**
 * For each test a proxy with a backend (`/big` answers with 64 MiB) and another client beside the attacker. Whatever a test did, after
 * it the other connection serves, nothing threw, memory is bounded, and no connection is left over.
 */
export function setUpAttacked(): Attacked {
  let rig: Rig;
  let backend: Awaited<ReturnType<typeof listenOn>>;
  let bystander: ClientHttp2Session;
  let asked = 0;
  let rssBefore = 0;

  async function askBystander(): Promise<void> {
    const stream = bystander.request({ ':path': '/' });
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(200);
    stream.resume();
    await once(stream, 'close');
  }

  beforeEach(async () => {
    rig = await createRig({ bodyTimeoutMs: 1_500, headerTimeoutMs: 1_500 });
    const server = createServer((request, response) => {
      asked++;
      if (request.url === '/big') for (let i = 0; i < 64; i++) response.write(CHUNK);
      request.resume();
      if (request.headers['x-hold'] === undefined) response.end('hello');
    });
    backend = await listenOn(server);
    await rig.addRoute('app.test', backend.address);
    const socket = await rig.tls('app.test', { ALPNProtocols: ['h2'] });
    bystander = connectHttp2('https://app.test', { createConnection: () => socket });
    await askBystander();
    asked = 0;
    rssBefore = process.memoryUsage().rss;
  });

  afterEach(async () => {
    await using _rig = rig;
    await using _backend = backend;
    await askBystander();
    expect(bystander.closed).toBe(false);
    expect(rig.failures).toEqual([]);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(MAX_GROWTH_BYTES);
    bystander.close();
    await rig.idle();
  });

  const attacked: Attacked = {
    get asked() {
      return asked;
    },
    get reasons() {
      return rig.refusals.map((refusal) => refusal.reason);
    },
    open: (settings) => openWire(rig, settings),
    refused: (count) => rig.refused(count),
    async expectCut(client) {
      expect(await client.goaway()).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      await client.closed;
      await rig.refused(1);
      expect(attacked.reasons).toEqual(['limit_streams']);
      expect(rig.refusals[0]).toMatchObject({ route: 'app.test', clientIp: '127.0.0.1' });
    },
  };
  return attacked;
}
