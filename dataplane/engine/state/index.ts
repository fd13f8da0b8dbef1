export { createState } from './state.ts';
export type { State, StateDeps, StateOptions } from './state.ts';
export type { ApplyInput, ApplyResult, Difference } from './change-set/index.ts';
export type { ConfirmResult } from './confirmation.ts';
export type { AddRuleResult, RemoveRuleResult, SetRateLimitResult } from './firewall.ts';
export type { AddPolicyResult, PolicyInput, PolicyView, RemovePolicyResult } from './policies.ts';
export type { ReloadResult } from './reload.ts';
export type { AddRouteResult, RemoveRouteResult } from './routes.ts';
export type { FirewallView, ListenerView, RouteView } from './views.ts';
