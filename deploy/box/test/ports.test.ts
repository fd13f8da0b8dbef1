import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listenPreferably, preferredPorts, reservePort, savePorts } from '../ports.ts';

describe('reservePort', () => {
  it('gives one port to one box only, before anybody listens on it', async () => {
    await using first = await reservePort(0);
    await using second = await reservePort(first.port);
    expect(second.port).not.toBe(first.port);
  });

  it('gives it again once it is free', async () => {
    const first = await reservePort(0);
    await first[Symbol.asyncDispose]();
    await using second = await reservePort(first.port);
    expect(second.port).toBe(first.port);
  });

  it('passes over a port that is listened on', async () => {
    const stranger = createServer();
    const port = await listenPreferably(stranger, 0);
    await using reservation = await reservePort(port);
    expect(reservation.port).not.toBe(port);
    stranger.close();
  });
});

describe('saved ports', () => {
  it.each(['', '{', 'null', '[]', '{"proxy": "8443"}', '{"proxy": 0, "metrics": 70000}'])(
    'are the defaults when the file says %j',
    (text) => {
      const dir = mkdtempSync(join(tmpdir(), 'ports-'));
      writeFileSync(join(dir, 'ports.json'), text);
      expect(preferredPorts(dir)).toEqual({ proxy: 8443, metrics: 9091, plainOrigin: 18_000, tlsOrigin: 18_001 });
      rmSync(dir, { recursive: true });
    },
  );

  it('come back', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ports-'));
    const ports = { proxy: 1, metrics: 2, plainOrigin: 3, tlsOrigin: 65_535 };
    savePorts(dir, ports);
    expect(preferredPorts(dir)).toEqual(ports);
    rmSync(dir, { recursive: true });
  });
});
