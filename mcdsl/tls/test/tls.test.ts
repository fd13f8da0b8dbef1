import { rmSync, writeFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { recordingLogger } from '../../grpc/test/fixture.ts';
import { makeTlsFolder } from '../../http/test/fixture.ts';
import { certificateAdvice, createCertificateSource } from '../index.ts';

const dayMs = 86_400_000;
const wanted = ['mcias.example.test', 'localhost', '127.0.0.1', '::1'];

describe('certificate of a server', () => {
  it('IA-72 is warned of when it lacks names that clients use, or ends within 30 days', async () => {
    using folder = await makeTlsFolder(['mcias.example.test', '127.0.0.1']);
    using source = createCertificateSource({ ...folder, logger: recordingLogger(), intervalMs: 0 });
    const { info } = source.current();
    expect(certificateAdvice(info, wanted, Date.now())).toEqual([
      'the certificate lacks localhost, ::1: clients that use these names refuse it',
    ]);
    await folder.renew(['*.example.test', 'localhost', '127.0.0.1', '::1']);
    source.reload();
    const renewed = source.current().info;
    expect(certificateAdvice(renewed, wanted, Date.now())).toEqual([]);
    expect(certificateAdvice(renewed, wanted, renewed.notAfter.getTime() - 29.5 * dayMs)).toEqual([
      expect.stringMatching(/^the certificate ends in 29 days, on \d{4}-/),
    ]);
  });

  it('stays the one before when its files become bad, and says why', async () => {
    using folder = await makeTlsFolder();
    const logger = recordingLogger();
    using source = createCertificateSource({ ...folder, logger, intervalMs: 0 });
    const before = source.current();
    const heard: unknown[] = [];
    source.onChange((pair) => heard.push(pair));
    writeFileSync(folder.certPath, 'no PEM');
    await source.check();
    await source.check();
    expect(source.current()).toBe(before);
    expect(logger.lines.map(({ msg }) => msg)).toContain('a new certificate cannot be used, the one before stays');
    expect(source.reload).toThrow(expect.objectContaining({ code: 'certificate_invalid' }));
    rmSync(folder.keyPath);
    expect(source.reload).toThrow(/certificate/);
    await folder.renew();
    source.reload();
    expect(heard).toEqual([source.current()]);
  });

  it('ends the start when there is none', async () => {
    using folder = await makeTlsFolder();
    const open = () =>
      createCertificateSource({ ...folder, keyPath: folder.path('absent'), logger: recordingLogger(), intervalMs: 0 });
    expect(open).toThrow(
      expect.objectContaining({ code: 'certificate_unreadable', message: expect.stringContaining('absent') }),
    );
  });
});
