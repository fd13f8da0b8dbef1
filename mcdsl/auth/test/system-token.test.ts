import { chmodSync, readFileSync, renameSync, statSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { recordingLogger } from '../../grpc/test/fixture.ts';
import { createMciasClient, createSystemToken } from '../index.ts';
import { agent, ann, startStandIn, writeToken } from './stand-in.ts';

const dayMs = 86_400_000;

async function demo(lifeMs: number) {
  const standIn = await startStandIn();
  const logger = recordingLogger();
  const client = createMciasClient(standIn.config(), logger);
  const path = writeToken(standIn.server.tls.path('token'), standIn.issue(agent, lifeMs));
  const clock = { nowMs: Date.now() };
  const open = () => createSystemToken({ path, logger, renew: client.renew, now: () => clock.nowMs, intervalMs: 0 });
  return {
    standIn,
    logger,
    client,
    path,
    clock,
    open,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await standIn[Symbol.asyncDispose]();
    },
  };
}

describe('IA-79 the own system token', () => {
  it.each([0o644, 0o660, 0o602, 0o604])('is refused in a file of mode %o', async (mode) => {
    await using given = await demo(365 * dayMs);
    chmodSync(given.path, mode);
    expect(given.open).toThrow(expect.objectContaining({ code: 'token_file_refused' }));
  });

  it('is refused when the file is missing or holds none', async () => {
    await using given = await demo(365 * dayMs);
    writeToken(given.path, 'no token');
    expect(given.open).toThrow(/holds no token/);
    renameSync(given.path, `${given.path}.gone`);
    expect(given.open).toThrow(/ENOENT/);
  });

  it('is read again when replaced; what is refused then leaves the one before', async () => {
    await using given = await demo(365 * dayMs);
    chmodSync(given.path, 0o640);
    using token = given.open();
    const next = given.standIn.issue(agent, 365 * dayMs);
    renameSync(writeToken(`${given.path}.new`, next), given.path);
    await token.check();
    expect(token.current()).toBe(next);
    renameSync(writeToken(`${given.path}.new`, given.standIn.issue(ann), 0o666), given.path);
    chmodSync(given.path, 0o666);
    await token.check();
    expect(token.current()).toBe(next);
  });

  it('is renewed in its last 30 days, on disk before it is forgotten, with a tight mode', async () => {
    await using given = await demo(365 * dayMs);
    using token = given.open();
    const first = token.current();
    given.clock.nowMs += 334 * dayMs;
    await token.check();
    expect(token.current()).toBe(first);
    given.clock.nowMs += 2 * dayMs;
    await token.check();
    expect(given.standIn.calls).toEqual(['renew mcp-agent']);
    expect(token.current()).not.toBe(first);
    expect(readFileSync(given.path, 'utf8')).toBe(`${token.current()}\n`);
    expect(statSync(given.path).mode & 0o777).toBe(0o600);
  });

  it('is not renewed where the file cannot be written, and the log says so once a day', async () => {
    await using given = await demo(20 * dayMs);
    using token = given.open();
    const first = token.current();
    given.clock.nowMs += 11 * dayMs;
    // The folder is gone for writers, root included.
    renameSync(given.standIn.server.tls.path(''), `${given.standIn.server.tls.path('')}`.replace(/\/?$/, '-moved'));
    await token.check();
    await token.check();
    expect(given.standIn.calls).toEqual([]);
    expect(token.current()).toBe(first);
    const told = () => given.logger.lines.filter(({ msg }) => msg.includes('cannot be written')).length;
    expect(told()).toBe(1);
    given.clock.nowMs += dayMs;
    await token.check();
    expect(told()).toBe(2);
    renameSync(`${given.standIn.server.tls.path('')}`.replace(/\/?$/, '-moved'), given.standIn.server.tls.path(''));
  });
});
