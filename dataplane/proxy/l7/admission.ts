import { parseHostname } from '../../net/hostname.ts';
import type { Route } from '../model.ts';
import { evaluatePolicies } from '../policies.ts';
import type { ClientConnection, L7Context } from './context.ts';
import type { Front } from './front.ts';
import { hasField } from './headers.ts';
import { refusal, type RequestRefusal } from './refusal.ts';
import { normaliseHead, type RequestHead } from './request-head.ts';

/** What the proxy has found out about a request before it goes anywhere. */
export interface Admission {
  readonly requestId: string;
  /** Null when it means more than one thing, or nothing. */
  readonly head: RequestHead | null;
  /** The route that serves it, once found; until then that of its connection. */
  readonly route: Route;
  readonly refused: RequestRefusal | null;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Normalise head → body's beginning → misdirected check → policies. */
export function admit(
  context: L7Context,
  connection: ClientConnection,
  front: Front,
  requestNumber: number,
): Admission {
  const ownId = `${connection.info.id}-${requestNumber.toString(36)}`;
  const normal = normaliseHead(front.head, context.settings);
  if (normal.kind === 'refused') {
    return { requestId: ownId, head: null, route: connection.route, refused: normal.refusal };
  }
  const { head } = normal;
  const { requestId: theirs } = head.fields;
  // Only behind a trusted hop is the id somebody else's to choose; theirs then ties both hops' lines together.
  const requestId = connection.info.proxied && REQUEST_ID.test(theirs) ? theirs : ownId;
  const fault = front.accept(head);
  if (fault !== null) {
    return { requestId, head, route: connection.route, refused: refusal('request_invalid', fault) };
  }
  const route = routeOf(context, connection, head);
  if (typeof route === 'string') {
    return { requestId, head, route: connection.route, refused: refusal('misdirected', route) };
  }
  return { requestId, head, route, refused: checkPolicies(route, front, head) };
}

/** PX-8: the host must be of the connection's route; no host of another one, and none that nobody serves. A string: why not. */
function routeOf(context: L7Context, connection: ClientConnection, head: RequestHead): Route | string {
  const { info, route, byDefault } = connection;
  let found = head.host.kind === 'hostname' ? context.findRoute(info.listener, head.host.hostname) : null;
  // A client that came without a known SNI means the default route by any name that is no other route's.
  if (!found && byDefault) found = successorOf(context, connection);
  if (!found || found.hostname !== route.hostname || found.mode !== 'l7') return head.authority;
  // Replaced routes serve at once; but a client that proved nothing to the old one proves nothing to the new.
  if (found.material.clientCaPem !== route.material.clientCaPem) return 'client_ca has changed';
  return found;
}

function successorOf(context: L7Context, { info, route }: ClientConnection): Route {
  const name = parseHostname(route.hostname);
  return (name && context.findRoute(info.listener, name)) ?? route;
}

function checkPolicies({ policies }: Route, front: Front, head: RequestHead): RequestRefusal | null {
  if (policies.blockUserAgents.length === 0 && policies.requireHeaders.length === 0) return null;
  const { raw } = front.head;
  const verdict = evaluatePolicies(policies, head.fields.userAgent, (name) => hasField(raw, name));
  return verdict.kind === 'deny' ? refusal(verdict.reason, '', verdict.rule) : null;
}
