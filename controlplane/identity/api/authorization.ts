/** Who may call an operation. */
export type CallerRule = {
  readonly who: 'anyone' | 'bearer' | 'person' | 'admin' | 'explainer';
  /** The login must be recent: `auth.step_up_max_age`. */
  readonly isSensitive: boolean;
  /** Open to an admin who has no second factor yet, so that one can be enrolled. */
  readonly isEnrolment: boolean;
};

const ruleFor = <Who extends CallerRule['who']>(who: Who) => ({ who, isSensitive: false, isEnrolment: false });

const anyone = ruleFor('anyone');
/** Whoever holds a good token: of a person or a service, for whatever audience. */
const bearer = ruleFor('bearer');
/** A person whose token is for mcias itself. */
const person = ruleFor('person');
const admin = ruleFor('admin');
/** An admin, or a system account of `policy.explain_accounts`. */
const explainer = ruleFor('explainer');
const recent = <Rule extends CallerRule>(rule: Rule) => ({ ...rule, isSensitive: true });
const enrolling = <Rule extends CallerRule>(rule: Rule) => ({ ...rule, isEnrolment: true });

/** The one authorization map, of REST and gRPC alike. An operation that is missing here cannot be made, so the server does not start. */
export const authorization = {
  'accounts.list': admin,
  'accounts.get': admin,
  'accounts.create': recent(admin),
  'accounts.update': recent(admin),
  'accounts.delete': recent(admin),
  'accounts.set_roles': recent(admin),
  'accounts.enable': recent(admin),
  'accounts.disable': recent(admin),
  'accounts.unlock': recent(admin),
  'accounts.reset': recent(admin),
  'audit.list': admin,
  'audit.follow': admin,
  'me.get': enrolling(person),
  'me.update': person,
  'me.set_password': recent(person),
  'me.begin_totp': enrolling(recent(person)),
  'me.confirm_totp': enrolling(recent(person)),
  'me.remove_totp': recent(person),
  'me.create_recovery_codes': recent(person),
  'me.begin_passkey': enrolling(recent(person)),
  'me.add_passkey': enrolling(recent(person)),
  'me.list_passkeys': person,
  'me.rename_passkey': recent(person),
  'me.remove_passkey': recent(person),
  'factors.list': admin,
  'factors.remove': recent(admin),
  'auth.recover': anyone,
  'keys.list': admin,
  'keys.rotate': recent(admin),
  'keys.revoke': recent(admin),
  'auth.login': anyone,
  'auth.mfa': anyone,
  'auth.passkey_options': anyone,
  'auth.passkey_verify': anyone,
  'auth.logout': bearer,
  'policy.get': admin,
  'policy.replace': recent(admin),
  'policy.list_rules': admin,
  'policy.get_rule': admin,
  'policy.create_rule': recent(admin),
  'policy.put_rule': recent(admin),
  'policy.delete_rule': recent(admin),
  'policy.explain': explainer,
  'sessions.list': person,
  'sessions.revoke': person,
  'sso.exchange_code': anyone,
  'sso.list_clients': admin,
  'auth.step_up': enrolling(person),
  'token.validate': anyone,
  'token.renew': bearer,
  'token.revoke': bearer,
  'token.issue': recent(admin),
  'token.list': person,
} as const satisfies Readonly<Record<string, CallerRule>>;

export type OperationName = keyof typeof authorization;

/** @throws Error when there is none */
export function ruleOf<Name extends OperationName>(name: Name): (typeof authorization)[Name] {
  if (Object.hasOwn(authorization, name)) return authorization[name];
  throw new Error(`operation ${name} is missing from the authorization map`);
}
