import { StringDecoder } from 'node:string_decoder';
import type { ReadStream } from 'node:tty';

import { defineErrors } from '../errors/index.ts';

const terminalErrors = defineErrors('terminal', {
  terminal_required: { http: 400, grpc: 'FAILED_PRECONDITION', retry: false },
  interrupted: { http: 499, grpc: 'CANCELLED', retry: false, message: 'interrupted' },
  password_too_long: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
});

export type PasswordInput = Pick<ReadStream, 'isTTY' | 'isRaw' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>;

type Step = { readonly kind: 'more' } | { readonly kind: 'done' } | { readonly kind: 'interrupted' };

const maxLength = 4096;

/**
 * Asks for a password on a terminal without echo. Understands backspace, Ctrl-U (start again), Ctrl-C and Ctrl-D.
 * The terminal's mode is restored however it ends.
 * @throws terminal_required when the input is no terminal: passwords are not taken from pipes by accident
 * @throws interrupted on Ctrl-C, Ctrl-D on an empty line, end of input, or abort
 * @throws password_too_long above 4096 characters
 */
export async function promptPassword(
  prompt: string,
  input: PasswordInput,
  output: { write(text: string): unknown },
  signal: AbortSignal,
): Promise<string> {
  if (!input.isTTY) {
    throw terminalErrors.error(
      'terminal_required',
      'a password is asked for on a terminal, and standard input is none',
    );
  }
  if (signal.aborted) throw terminalErrors.error('interrupted');
  const wasRaw = input.isRaw;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const decoder = new StringDecoder('utf8');
  const typed: string[] = [];
  const onData = (data: Buffer | string): void => {
    for (const char of typeof data === 'string' ? data : decoder.write(data)) {
      const step = typeChar(typed, char);
      if (step.kind === 'done') return resolve(typed.join(''));
      if (step.kind === 'interrupted') return reject(terminalErrors.error('interrupted'));
      if (typed.length > maxLength) {
        return reject(terminalErrors.error('password_too_long', `a password has at most ${maxLength} characters`));
      }
    }
  };
  const onEnd = (): void => reject(terminalErrors.error('interrupted'));
  input.setRawMode(true);
  output.write(prompt);
  input.on('data', onData);
  input.on('end', onEnd);
  signal.addEventListener('abort', onEnd);
  input.resume();
  try {
    return await promise;
  } finally {
    input.off('data', onData);
    input.off('end', onEnd);
    signal.removeEventListener('abort', onEnd);
    input.pause();
    input.setRawMode(wasRaw);
    output.write('\n');
  }
}

function typeChar(typed: string[], char: string): Step {
  switch (char) {
    case '\r':
    case '\n':
      return { kind: 'done' };
    case '\u0003':
      return { kind: 'interrupted' };
    case '\u0004':
      return typed.length === 0 ? { kind: 'interrupted' } : { kind: 'done' };
    case '\u007f':
    case '\b':
      typed.pop();
      return { kind: 'more' };
    case '\u0015':
      typed.length = 0;
      return { kind: 'more' };
    default:
      // Other control characters cannot be meant: an arrow key's escape would end up inside the password.
      if (char >= ' ') typed.push(char);
      return { kind: 'more' };
  }
}
