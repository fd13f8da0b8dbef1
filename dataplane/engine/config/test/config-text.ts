import { formatProblems, loadConfigText, placeText } from '../../../../mcdsl/config/index.ts';
import { proxyConfig, toDesired } from '../index.ts';

export function load(text: string) {
  return loadConfigText(proxyConfig, { file: 'mc-proxy.toml', text });
}

export function desired(text: string) {
  const loaded = load(text);
  if (!loaded.ok) throw new Error(formatProblems(loaded.problems));
  return { ...toDesired(loaded), warnings: loaded.warnings.map((problem) => problem.message) };
}

/** Every error as `LINE:COLUMN message`. */
export function errors(text: string): string[] {
  const loaded = load(text);
  const problems = loaded.ok ? [] : loaded.problems.filter((problem) => problem.severity === 'error');
  return problems.map((problem) => `${placeText(problem.place).replace('mc-proxy.toml:', '')} ${problem.message}`);
}

export function route(lines: string): string {
  return `[[listeners]]\naddr = ":443"\n[[listeners.routes]]\n${lines}\n`;
}

export const L4 = 'hostname = "app.example.test"\nbackend = "10.0.0.7:8443"\nmode = "l4"';
