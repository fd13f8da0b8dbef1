import { callsLoad, checkCalls, mciasWithTokens } from '../mcias.ts';
import type { Scenario } from '../model.ts';
import { countAnswers } from '../tools/wrk.ts';

/** What mcias remembers of verified signatures; the least recently used one leaves. */
const REMEMBERED = 10_000;

export const scenario: Scenario = {
  name: 'mcias-signature',
  about:
    'a token validated over REST whose signature was seen before; the rival is mcias too, with twice as many tokens in turn as it remembers, so that each is verified as for the first time',
  unit: 'call',
  metric: 'cpu',
  ours: mciasWithTokens(REMEMBERED / 10),
  rivals: { 'first-seen': mciasWithTokens(REMEMBERED * 2) },
  load: callsLoad(16),
  count: countAnswers,
  check: checkCalls,
};
