import { getSystemErrorMessage, getSystemErrorName } from 'node:util';

/** As Node's own: `code` is the name of the errno. `errno` is positive; `where` may be empty. */
export function systemError(call: string, errno: number, where: string): Error {
  const code = getSystemErrorName(-errno);
  const place = where === '' ? '' : ` ${where}`;
  return Object.assign(new Error(`${call} ${code}: ${getSystemErrorMessage(-errno)}${place}`), {
    code,
    errno: -errno,
    syscall: call,
  });
}
