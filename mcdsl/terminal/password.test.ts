import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import { promptPassword } from './index.ts';

const hasScript = spawnSync('script', ['--version']).status === 0;
const index = JSON.stringify(new URL('./index.ts', import.meta.url).href);
const program = `import { promptPassword } from ${index};
  const stop = new AbortController();
  try {
    const password = await promptPassword('Password: ', process.stdin, process.stderr, stop.signal);
    console.log('got ' + JSON.stringify(password) + ' raw=' + process.stdin.isRaw);
  } catch (error) {
    console.log('refused ' + error.code + ' raw=' + process.stdin.isRaw);
  }`;

/** Runs the prompt on a pseudo-terminal, types once it asks, and returns all that the terminal showed. */
async function type(keys: string): Promise<string> {
  const command = `'${process.execPath}' --input-type=module-typescript --eval '${program.replaceAll("'", String.raw`'\''`)}'`;
  const child: ChildProcessWithoutNullStreams = spawn('script', ['-qec', command, '/dev/null']);
  let shown = '';
  let typed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    if (typed || !shown.includes('Password: ')) return;
    typed = true;
    child.stdin.write(keys);
  });
  await once(child, 'close');
  return shown;
}

describe('promptPassword', () => {
  it('refuses when the input is no terminal', async () => {
    const input = { ...process.stdin, isTTY: false };
    await expect(promptPassword('?', input as never, { write: () => true }, AbortSignal.abort())).rejects.toMatchObject(
      {
        code: 'terminal_required',
      },
    );
  });

  describe.skipIf(!hasScript)('on a pseudo-terminal (needs script of util-linux)', () => {
    it('takes the line without echo and restores the mode', async () => {
      const shown = await type('s3crét\r');
      expect(shown).toContain('got "s3crét" raw=false');
      expect(shown.replace('got "s3crét"', '')).not.toContain('s3c');
    });

    it('understands backspace by character, Ctrl-U, and drops other control characters', async () => {
      expect(await type('wrong\u0015ab\u001bé\u007f\u007fc\r')).toContain('got "ac" raw=false');
    });

    it('ends on Ctrl-C and on Ctrl-D with nothing typed', async () => {
      expect(await type('abc\u0003')).toContain('refused interrupted raw=false');
      expect(await type('\u0004')).toContain('refused interrupted raw=false');
    });

    it('refuses what is too long', async () => {
      expect(await type('x'.repeat(4097))).toContain('refused password_too_long raw=false');
    });
  });
});
