import { createInterface } from 'node:readline/promises';

import { promptPassword } from '../../../mcdsl/terminal/index.ts';

/** What a person is asked for. */
export type Prompts = {
  /** Whether there is a person to ask. */
  readonly canAsk: boolean;
  line(prompt: string): Promise<string>;
  /** Without echo. @throws terminal_required, interrupted */
  secret(prompt: string): Promise<string>;
};

export function createPrompts(signal: AbortSignal): Prompts {
  return {
    canAsk: process.stdin.isTTY,
    async line(prompt) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return (await lines.question(prompt, { signal })).trim();
      } finally {
        lines.close();
      }
    },
    secret: (prompt) => promptPassword(prompt, process.stdin, process.stderr, signal),
  };
}
