import { AddRouteRequest, FirewallRule, Policy, Route, RouteMode } from '../../../../proto/gen/mcproxy/v1/mcproxy.ts';

/** Messages with the fields that a test is about; the rest is as an unset field arrives. */
export function route(fields: Partial<Route> = {}): Route {
  const l4 = { hostname: 'app.example.test', backends: ['10.0.0.9:443'], mode: RouteMode.L4 };
  return Route.fromPartial({ ...l4, ...fields });
}

export function addRoute(fields: Partial<Route> = {}, listener = ''): AddRouteRequest {
  return AddRouteRequest.fromPartial({ listener, route: route(fields) });
}

export function rule(kind: FirewallRule['kind'], value: string): { rule: FirewallRule } {
  return { rule: FirewallRule.fromPartial({ kind, value }) };
}

export function policy(fields: Partial<Policy>): { policy: Policy } {
  return { policy: Policy.fromPartial(fields) };
}

/** The code that a call was refused with; fails the test when it was not. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    (answer) => {
      throw new Error(`not refused: ${JSON.stringify(answer)}`);
    },
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
      throw error;
    },
  );
}
