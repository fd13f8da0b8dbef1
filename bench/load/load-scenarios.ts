import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Scenario } from './model.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');

/** Every file of `scenarios/`, in the order of their names. Rejects when one exports no scenario of its own name. */
export async function loadScenarios(folder: string = FOLDER): Promise<Scenario[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return Promise.all(
    files.sort().map(async (file) => {
      const module = (await import(pathToFileURL(join(folder, file)).href)) as { readonly scenario?: Scenario };
      const { scenario } = module;
      if (scenario?.name !== basename(file, '.ts')) throw new Error(`${file} exports no \`scenario\` of its name`);
      return scenario;
    }),
  );
}
