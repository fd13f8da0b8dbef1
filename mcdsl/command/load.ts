import type { z } from 'zod';

import { formatProblems, loadConfigFile, placeText } from '../config/index.ts';
import type { ConfigDefinition, LoadResult } from '../config/index.ts';
import { commandErrors } from './errors.ts';

/** A configuration that passed its checks; `sources` tells where each setting stands. */
export type Loaded<S extends z.ZodObject> = Extract<LoadResult<z.output<S>>, { readonly ok: true }>;

const maxListed = 20;

/** @throws SystemError `config_invalid` whose message shows every problem with its line */
export function loadOrThrow<S extends z.ZodObject>(definition: ConfigDefinition<S>, file: string): Loaded<S> {
  const result = loadConfigFile(definition, file);
  if (result.ok) return result;
  const problems = result.problems.slice(0, maxListed).map((problem) => ({
    place: placeText(problem.place),
    severity: problem.severity,
    message: problem.message,
  }));
  throw commandErrors.error('config_invalid', formatProblems(result.problems).trimEnd(), { problems });
}
