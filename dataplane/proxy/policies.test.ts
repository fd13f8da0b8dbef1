import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluatePolicies } from './policies.ts';

const nobody = (): boolean => false;

describe('evaluatePolicies', () => {
  it('PX-13 blocks a substring of the User-Agent without regard to case and names the rule', () => {
    const policies = { blockUserAgents: ['zgrab', 'Nuclei'], requireHeaders: [] };
    expect(evaluatePolicies(policies, 'Mozilla/5.0 (compatible; NUCLEI - Open-source)', nobody)).toEqual({
      kind: 'deny',
      reason: 'ua_blocked',
      rule: 'block_user_agents Nuclei',
    });
    expect(evaluatePolicies(policies, 'curl/8', nobody)).toEqual({ kind: 'allow' });
    expect(evaluatePolicies(policies, '', nobody)).toEqual({ kind: 'allow' });
  });

  it('PX-13 requires the named headers', () => {
    const policies = { blockUserAgents: [], requireHeaders: ['X-Key', 'X-Other'] };
    expect(evaluatePolicies(policies, '', (name) => name === 'X-Key')).toEqual({
      kind: 'deny',
      reason: 'header_required',
      rule: 'require_headers X-Other',
    });
    expect(evaluatePolicies(policies, '', () => true)).toEqual({ kind: 'allow' });
  });

  it('denies exactly when a lowered needle is part of the lowered agent', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 })), fc.string(), (blockUserAgents, agent) => {
        const verdict = evaluatePolicies({ blockUserAgents, requireHeaders: [] }, agent, nobody);
        const found = blockUserAgents.some((needle) => agent.toLowerCase().includes(needle.toLowerCase()));
        expect(verdict.kind).toBe(found && agent !== '' ? 'deny' : 'allow');
      }),
    );
  });
});
