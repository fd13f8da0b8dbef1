import { authErrors } from '../../mcdsl/auth/index.ts';
import { SystemError } from '../../mcdsl/errors/index.ts';
import type { Preset } from './config.ts';
import type { Context } from './context.ts';
import type { Credentials, Mcias } from './mcias.ts';
import { refused, type Verdict } from './verdict.ts';

export type PresetRow = { readonly label: string; readonly context: Context; readonly verdict: Verdict };

/** How a login was tried: without issuing a token, or as a login whose session was ended again. */
export type Way = 'dry_run' | 'login';

export type Attempt = { readonly way: Way; readonly verdict: Verdict; readonly retryAfterSeconds: number | null };

/** Tries logins and asks about them. What is no verdict (mcias is away, a name that it does not take) is thrown. */
export type Tester = {
  attempt(credentials: Credentials, context: Context): Promise<Attempt>;
  /**
   * The first preset with the credentials, the others by asking about the account that they proved: a TOTP code is good once.
   * @returns one row when the first is refused before the account was proved
   */
  attemptPresets(credentials: Credentials): Promise<{ readonly attempt: Attempt; readonly rows: readonly PresetRow[] }>;
  /** Without a password; the caller has to be allowed to ask. */
  explain(account: string, context: Context): Promise<Verdict>;
  explainPresets(account: string): Promise<readonly PresetRow[]>;
};

/** Refusals of mcias that are the answer of a test rather than a failure of it. */
const verdicts = new Set([
  'invalid_credentials',
  'mfa_required',
  'policy_denied',
  'step_up_required',
  'mfa_enrollment_required',
  'account_locked',
  'rate_limited',
  'busy',
]);

export function createTester(mcias: Mcias, presets: () => readonly Preset[]): Tester {
  const contexts = (): { label: string; context: Context }[] =>
    presets().map(({ label, service_name: serviceName, tags }) => ({ label, context: { serviceName, tags } }));

  async function attempt(credentials: Credentials, context: Context): Promise<Attempt> {
    let way: Way = mcias.hasToken ? 'dry_run' : 'login';
    const answered = (verdict: Verdict): Attempt => ({ way, verdict, retryAfterSeconds: null });
    try {
      if (way === 'dry_run') {
        try {
          return answered(await mcias.dryRun(credentials, context));
        } catch (error) {
          // Refused before the password was looked at, so nothing is used up: the account is not in explain_accounts.
          if (!authErrors.is(error, 'permission_denied')) throw error;
          way = 'login';
        }
      }
      return answered(await logInAndOut(credentials, context));
    } catch (error) {
      if (!(error instanceof SystemError) || !authErrors.is(error) || !verdicts.has(error.code)) throw error;
      const { reason, rule_id: ruleId } = error.details;
      const why = error.code === 'policy_denied' && typeof reason === 'string' ? reason : error.code;
      const verdict = refused(why, typeof ruleId === 'number' ? ruleId : null);
      return { way, verdict, retryAfterSeconds: error.retryAfterSeconds };
    }
  }

  async function logInAndOut(credentials: Credentials, context: Context): Promise<Verdict> {
    const { token } = await mcias.login(credentials, context);
    // Its session too, not the token alone. When that fails the test has failed: nobody may be told of a token that lives on.
    await mcias.client.logout(token);
    return { accepted: true, reason: 'accepted', ruleId: null, explained: null };
  }

  const explainAll = (account: string, of: readonly { label: string; context: Context }[]) =>
    Promise.all(
      of.map(async ({ label, context }) => ({ label, context, verdict: await mcias.explain(account, context) })),
    );

  return {
    attempt,
    async attemptPresets(credentials) {
      const [first, ...others] = contexts();
      if (first === undefined) throw authErrors.error('invalid_argument', 'the configuration has no [[presets]]');
      const tried = await attempt(credentials, first.context);
      const row = { ...first, verdict: tried.verdict };
      // Only a dry run says that the account was proved and may be asked about.
      if (tried.verdict.explained === null) return { attempt: tried, rows: [row] };
      return { attempt: tried, rows: [row, ...(await explainAll(credentials.username, others))] };
    },
    explain: mcias.explain,
    explainPresets: (account) => explainAll(account, contexts()),
  };
}
