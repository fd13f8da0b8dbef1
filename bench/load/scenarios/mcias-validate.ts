import { callsLoad, checkCalls, mciasWithTokens } from '../mcias.ts';
import type { Scenario } from '../model.ts';
import { oidcProvider } from '../servers.ts';
import { countAnswers } from '../tools/wrk.ts';

const CONNECTIONS = 16;
const TOKENS = 10_000;

export const scenario: Scenario = {
  name: 'mcias-validate',
  about: `a token validated over REST, ${TOKENS} live ones in turn; ${CONNECTIONS} connections with keep-alive, by wrk; the rivals answer introspection (RFC 7662)`,
  unit: 'call',
  metric: 'cpu',
  ours: mciasWithTokens(TOKENS),
  rivals: {
    'oidc-provider': {
      server: oidcProvider,
      config: ({ dir, port, tls }) => JSON.stringify({ dir, port, cert: tls.cert, key: tls.key, tokens: TOKENS }),
    },
  },
  load: callsLoad(CONNECTIONS),
  count: countAnswers,
  check: checkCalls,
};
