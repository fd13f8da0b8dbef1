import {
  formatProblems,
  loadConfigText,
  placeText,
  type ConfigPath,
  type Problem,
  type Reporter,
} from '../../../../mcdsl/config/index.ts';
import type { Certificates } from '../../certificates/index.ts';
import { proxyErrors } from '../../errors.ts';
import type { Desired } from '../desired.ts';
import { emptyDraft, isRepeated, type Draft, type Judging } from './draft.ts';
import { takeFirewall } from './firewall.ts';
import { takePolicies } from './policies.ts';
import { createFileCheck, takeRoutes } from './routes.ts';
import { changeSet, type ChangeSetConfig, type ChangeSetListener } from './schema.ts';

export interface ChangeSetText {
  /** For messages. */
  readonly file: string;
  readonly text: string;
}

export interface ChangeSet {
  readonly wanted: Draft;
  readonly warnings: readonly string[];
}

/**
 * Reads a change set and judges it beside what is configured and what the API has now. Touches nothing but the certificate files
 * it names, to read them.
 * @throws changes_invalid, which names every mistake with its line
 */
export function readChangeSet(desired: Desired, certificates: Certificates, input: ChangeSetText): ChangeSet {
  const draft = emptyDraft();
  const check = (config: ChangeSetConfig, report: Reporter): void =>
    judge(config, { desired, certificates, report, draft });
  const result = loadConfigText({ ...changeSet, check }, input);
  if (!result.ok) throw refusal(result.problems);
  const warnings = result.warnings.map(({ place, message }) => `${placeText(place)}: ${message}`);
  return { wanted: draft, warnings };
}

function judge(config: ChangeSetConfig, judging: Judging): void {
  const seen = new Map<string, ConfigPath>();
  const files = createFileCheck(judging);
  config.listeners.forEach((listener, index) => {
    const at = ['listeners', index];
    const addr = [...at, 'addr'];
    const message = `${listener.addr} stands there twice; put the routes of both under one`;
    if (isRepeated(seen, listener.addr, addr, message, judging.report)) return;
    const isKnown = checkListener(judging, listener, addr);
    takeRoutes(judging, listener, at, isKnown, files);
    if (isKnown) takePolicies(judging, listener, at);
  });
  takeFirewall(judging, config.firewall);
}

/** A listener that the file no longer has is known as long as the API has something there. */
function checkListener({ desired, report }: Judging, { addr }: ChangeSetListener, path: ConfigPath): boolean {
  if (desired.listeners.has(addr) || desired.apiRoutes.has(addr)) return true;
  for (const [first] of desired.apiPolicies.values()) if (first?.listener === addr) return true;
  const names = [...desired.listeners.keys()].map((name) => JSON.stringify(name)).join(', ');
  report(path, `the configuration file has no listener ${JSON.stringify(addr)}`, {
    expected: names === '' ? 'listeners in the configuration file, of which there are none' : `one of ${names}`,
  });
  return false;
}

/** The whole message of an error goes over the wire only up to a length: as many problems as fit, never half a problem. */
const MAX_MESSAGE = 3_800;
const MAX_LISTED = 20;
const MAX_LISTED_CHARS = 250;

function refusal(problems: readonly Problem[]): Error {
  let shown = Math.min(problems.length, 50);
  while (shown > 1 && formatProblems(problems.slice(0, shown)).length > MAX_MESSAGE) shown--;
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const rest = problems.length - shown;
  const more = rest > 0 ? ` shown, and ${rest} more problems` : '';
  const message = `the changes are refused as a whole, nothing was changed:\n\n${formatProblems(problems.slice(0, shown)).trimEnd()}${more}`;
  return proxyErrors.error('changes_invalid', message, {
    errors,
    problems: problems.slice(0, MAX_LISTED).map((problem) => ({
      place: placeText(problem.place),
      severity: problem.severity,
      message: problem.message.slice(0, MAX_LISTED_CHARS),
    })),
  });
}
