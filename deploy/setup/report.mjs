/** A failure whose message already tells the operator what to do, so that no stack is shown. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}

/** Writes one progress line; stdout belongs to the task. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Writes the error for the operator and returns the exit code that it asks for. */
export function report(error) {
  if (error instanceof SetupError) {
    say(error.message);
    return error.exitCode;
  }
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}
