import { stringify } from 'smol-toml';
import { z } from 'zod';
import { defineConfig, loadConfigText, type Problem } from '../../../mcdsl/config/index.ts';
import { maxRules, ruleSchema, type WireRule } from './rule.ts';

/**
 * Policy files are TOML: an operator edits them by hand, with comments, beside the other configuration, and the reader of
 * configurations already names file, line, column and the key that was probably meant.
 */
export type PolicyFileParse =
  | { readonly ok: true; readonly revision: number | null; readonly rules: readonly WireRule[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const definition = defineConfig({
  service: 'mcias-policy',
  schema: z.object({
    /** Of the set that was exported; only what `--check-revision` says is compared. */
    revision: z.int().min(0).optional(),
    rules: z.array(ruleSchema).max(maxRules),
  }),
});

/** `file` is the name to show in problems. Names of accounts are left for the server to look up. */
export function parsePolicyFile(text: string, file: string): PolicyFileParse {
  const loaded = loadConfigText(definition, { file, text });
  if (!loaded.ok) return { ok: false, problems: loaded.problems };
  const { revision = null, rules } = loaded.config;
  return { ok: true, revision, rules: rules.map((rule) => structuredClone(rule) as WireRule) };
}

/** The file that reads back as the same set. Empty conditions are left out: they say nothing. */
export function formatPolicyFile(rules: readonly WireRule[], revision: number): string {
  const tables = rules.map((rule) =>
    Object.fromEntries(
      Object.entries(rule).filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0)),
    ),
  );
  return `${stringify({ revision, rules: tables }).trimEnd()}\n`;
}
