import type { z } from 'zod';

import { SystemError } from '../../../mcdsl/errors/index.ts';
import { checkInput, defineApi, formBody, httpErrors, redirect, route } from '../../../mcdsl/http/index.ts';
import type { Api, HttpAnswer, HttpContext, HttpRequest, HttpRoute, HttpRule } from '../../../mcdsl/http/index.ts';
import type { Operation } from '../api/index.ts';
import { appendFailure } from '../audit/index.ts';
import { loginPath, withReturn, type Visitor } from '../browser/index.ts';
import { refusal, refusalOf } from '../errors.ts';
import type { PagesDeps } from './deps.ts';
import { admitVisitor, asPerson } from './person.ts';

/** One page or one form, with the rule that stands before it. */
export type Screen = { readonly route: HttpRoute; readonly rule: HttpRule };

export type Who = {
  readonly who: 'person' | 'admin';
  /** Also open to somebody who has to change the password or enrol a second factor first. */
  readonly isEnrolment?: boolean;
  /** A recent proof is needed (`auth.step_up_max_age`); without one the confirmation page comes first. */
  readonly isSensitive?: boolean;
};

export type PageOptions<P, Q> = Who & {
  readonly path: `/${string}`;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  show(request: HttpRequest<P, Q>, visitor: Visitor): HttpAnswer | Promise<HttpAnswer>;
};

export type ActionOptions<P, B> = Who & {
  readonly path: `/${string}`;
  readonly params?: z.ZodType<P>;
  readonly fields: z.ZodType<B>;
  /** The page that the form stands on. */
  readonly back: string;
  /** Returns the path to go on to, or an answer of its own. */
  run(request: HttpRequest<P, unknown, B>, visitor: Visitor): Promise<HttpAnswer | string> | HttpAnswer | string;
};

type None = Readonly<Record<string, never>>;

/** Pages of people who are logged in, and the forms on them. */
export type Screens = {
  page<P = None, Q = None>(options: PageOptions<P, Q>): Screen;
  /** A form: its guards are checked, and a refusal is a page that leads back. The field `csrf` is part of every form. */
  action<P = None, B extends { readonly csrf?: string | undefined } = never>(options: ActionOptions<P, B>): Screen;
  /** Who sent a form that a rule does not stand before. @throws invalid_token, csrf_failed */
  sender(context: HttpContext, csrf: string | undefined): Visitor;
  /** The rule of what a page's script asks for: its refusals are no pages. */
  script(who: Who): HttpRule;
  /**
   * Does what an operation of the API does, for the person behind the browser, whom the screen's rule has admitted.
   * @throws what the operation throws
   */
  perform<I, O>(operation: Operation<I, O>, input: object, context: HttpContext, visitor: Visitor | null): Promise<O>;
};

export function createScreens(deps: PagesDeps): Screens {
  const { browsers, view, runner, inForce, refusals } = deps;
  const visitorOf = (context: HttpContext): Visitor => {
    const visitor = browsers.visitor(context);
    if (visitor === null) throw refusal('invalid_token', 'session_unknown', { message: 'your session has ended' });
    return visitor;
  };
  return {
    sender(context, csrf) {
      const visitor = visitorOf(context);
      browsers.checkForm(context, visitor, csrf);
      return visitor;
    },
    script: (who) => ({
      rule: `${who.who}, script`,
      authorize(context) {
        requireHttps(context);
        const visitor = visitorOf(context);
        if (who.isSensitive && !browsers.isFresh(visitor)) throw refusal('step_up_required', 'step_up');
      },
    }),
    async perform<I, O>(operation: Operation<I, O>, given: object, context: HttpContext, visitor: Visitor | null) {
      const input = checkInput('request', operation.input, given) as I;
      const { clientAddress: address, requestId } = context;
      const userAgent = context.header('user-agent') ?? '';
      const call = { address, requestId, userAgent, bearer: null, note: context.note };
      admitVisitor(browsers, operation.rule, visitor);
      return runner.run(operation, input, call, visitor && asPerson(visitor, inForce().settings.issuer));
    },
    page({ path, params, query, show, ...who }) {
      return {
        rule: ruleOf(deps, who, null),
        route: route({
          method: 'GET',
          path,
          page: true,
          ...(params === undefined ? {} : { params }),
          ...(query === undefined ? {} : { query }),
          answer: (request) => show(request, visitorOf(request)),
        }),
      };
    },
    action({ path, params, fields, back, run, ...who }) {
      const rule = ruleOf(deps, who, back);
      return {
        rule,
        route: route({
          method: 'POST',
          path,
          page: true,
          ...(params === undefined ? {} : { params }),
          body: formBody(fields),
          async answer(request) {
            // A form may take its time to come, and its sender may have lost session or role since.
            browsers.stillThere(request);
            const instead = await rule.authorize(request);
            if (instead !== undefined) return instead;
            const visitor = visitorOf(request);
            browsers.checkForm(request, visitor, request.body.csrf);
            try {
              const next = await run(request, visitor);
              return typeof next === 'string' ? redirect(next) : next;
            } catch (error) {
              if (!(error instanceof SystemError) || error.http >= 500) throw error;
              const { message, http: status, code, retryAfterSeconds } = error;
              request.note({ refused: refusalOf(error)?.reason ?? code });
              refusals.error(error);
              return view.show(request, 'refused', { message, back }, { status, retryAfterSeconds });
            }
          },
        }),
      };
    },
  };
}

/** Joins groups of screens. @throws Error when two have one name: the second would take the place of the first */
export function screensApi(...groups: readonly Readonly<Record<string, Screen>>[]): Api {
  const screens = groups.flatMap((group) => Object.entries(group));
  const names = screens.map(([name]) => name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw new Error(`two screens are called ${twin}`);
  return defineApi({
    routes: Object.fromEntries(screens.map(([name, { route }]) => [name, route])),
    authorization: Object.fromEntries(screens.map(([name, { rule }]) => [name, rule])),
  });
}

/** Browsers drop Secure cookies over plain HTTP without a word: say so instead. */
export function requireHttps(context: Pick<HttpContext, 'scheme'>): void {
  if (context.scheme === 'https') return;
  throw httpErrors.error('https_required', 'this page needs HTTPS: open its https:// address, through the proxy', {
    reason: 'https_required',
  });
}

type Guard = Exclude<HttpRule, 'public'>;

/** session → role → gate → recent proof. `back` is where a form's sender goes on after the detour; null: where a page's reader was. */
function ruleOf({ browsers, store, clock }: PagesDeps, who: Who, back: string | null): Guard {
  return {
    rule: `${who.who}${who.isSensitive ? ', recent proof' : ''}`,
    authorize(context) {
      requireHttps(context);
      const visitor = browsers.visitor(context);
      const target = back ?? context.target;
      if (visitor === null) return redirect(loginPath(target));
      if (who.who === 'admin' && !visitor.account.roles.includes('admin')) {
        const source = browsers.source(context, visitor.account);
        const path = context.target.split('?', 1)[0] ?? '';
        const entry = {
          event: 'request.refused',
          target: path,
          service: 'mcias',
          reason: 'permission_denied',
        } as const;
        store.change((writer) => appendFailure(writer, { ...source, ...entry, details: {} }, clock()));
        throw refusal('permission_denied', 'permission_denied', { message: 'this page needs the role admin' });
      }
      const gate = who.isEnrolment ? null : browsers.gateOf(visitor);
      if (gate !== null) return redirect(withReturn(gate, target));
      if (who.isSensitive && !browsers.isFresh(visitor)) return redirect(withReturn('/account/confirm', target));
      return undefined;
    },
  };
}
