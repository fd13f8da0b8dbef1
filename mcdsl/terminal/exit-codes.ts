/** What every tool and server exits with. 64 and 78 are those of sysexits.h, 130 is 128 + SIGINT. */
export const exitCode = {
  ok: 0,
  failed: 1,
  /** `--detailed-exitcode`: drift or changes were found. */
  drift: 2,
  /** Some of it done, or a part unreachable. */
  partial: 3,
  usage: 64,
  badConfig: 78,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
