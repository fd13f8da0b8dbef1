import { formatSize } from '../../../mcdsl/config/units.ts';
import { proxyErrors } from '../errors.ts';
import { checkText, maxLength } from './check.ts';
import type { AdminDeps, ProxyAdminHandlers } from './deps.ts';

const minConfirmMs = 1_000;
const maxConfirmMs = 86_400_000;
/** What a request can hold, less the other fields of Apply: a longer text could be exported but not applied. */
const maxTextBytes = 4 * 1024 * 1024 - 16 * 1024;

export function changeSetHandlers({ state }: AdminDeps): Pick<ProxyAdminHandlers, 'apply' | 'confirm' | 'export'> {
  return {
    async apply({ toml, file, dryRun, confirmWithinMs }) {
      const input = {
        text: toml,
        file: checkText('file', file, maxLength.path) || 'changes.toml',
        dryRun,
        confirmWithinMs: confirmFrom(confirmWithinMs),
      };
      const { differences, warnings, revertAtMs, ...answer } = await state.apply(input);
      return {
        ...answer,
        differences: [...differences],
        warnings: [...warnings],
        revertAt: revertAtMs === null ? undefined : new Date(revertAtMs),
      };
    },
    confirm: () => state.confirm(),
    export() {
      const exported = state.export();
      const sizeBytes = Buffer.byteLength(exported.toml);
      if (sizeBytes <= maxTextBytes) return exported;
      const message =
        `what the API owns takes ${sizeBytes} bytes as a text, and Apply takes ${formatSize(maxTextBytes)}; ` +
        'copy the database with "mc-proxy snapshot"';
      throw proxyErrors.error('too_large', message, { size_bytes: sizeBytes, max_bytes: maxTextBytes });
    },
  };
}

function confirmFrom(withinMs: number): number {
  if (withinMs === 0 || (withinMs >= minConfirmMs && withinMs <= maxConfirmMs)) return withinMs;
  const message = `${withinMs} ms to confirm is not from 1 s to 24 h (0: no confirmation is needed)`;
  throw proxyErrors.error('invalid_argument', message, { field: 'confirm_within_ms' });
}
