import { status } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { commonRows, defineErrors, grpcStatus, SystemError, toWire } from './index.ts';
import type { ErrorRow } from './index.ts';

const row: ErrorRow = { http: 400, grpc: 'INVALID_ARGUMENT', retry: false };

const table = defineErrors('demo', {
  route_invalid: { http: 400, grpc: 'INVALID_ARGUMENT', retry: false },
  'vault.sealed': { http: 503, grpc: 'UNAVAILABLE', retry: true, message: 'the vault is sealed; unseal it first' },
});

function noReport(): never {
  throw new Error('nothing internal was expected');
}

describe('error tables', () => {
  it('pins the common codes', () => {
    const listed = Object.entries(commonRows).map(
      ([code, r]) => `${code} ${r.http} ${r.grpc}${r.retry ? ' retry' : ''}`,
    );
    expect(listed).toEqual([
      'invalid_argument 400 INVALID_ARGUMENT',
      'unauthenticated 401 UNAUTHENTICATED',
      'permission_denied 403 PERMISSION_DENIED',
      'not_found 404 NOT_FOUND',
      'method_not_allowed 405 UNIMPLEMENTED',
      'already_exists 409 ALREADY_EXISTS',
      'conflict 409 ABORTED retry',
      'failed_precondition 409 FAILED_PRECONDITION',
      'too_large 413 RESOURCE_EXHAUSTED',
      'unsupported_media_type 415 INVALID_ARGUMENT',
      'resource_exhausted 429 RESOURCE_EXHAUSTED retry',
      'cancelled 499 CANCELLED',
      'internal 500 INTERNAL',
      'unimplemented 501 UNIMPLEMENTED',
      'unavailable 503 UNAVAILABLE retry',
      'draining 503 UNAVAILABLE retry',
      'deadline_exceeded 504 DEADLINE_EXCEEDED retry',
    ]);
  });

  it('numbers gRPC statuses as the gRPC library does', () => {
    for (const [name, value] of Object.entries(grpcStatus)) expect(status[name as keyof typeof status]).toBe(value);
    expect(Object.keys(grpcStatus).length).toBe(Object.keys(status).filter((k) => Number.isNaN(Number(k))).length);
  });

  it('makes an error with everything its row says', () => {
    const cause = new Error('inner');
    const error = table.error('route_invalid', 'backend ":80" has no host', { listener: ':443' }, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ system: 'demo', code: 'route_invalid', http: 400, retry: false, cause });
    expect(error.message).toBe('backend ":80" has no host');
    expect(error.details).toEqual({ listener: ':443' });
    expect(table.error('vault.sealed').message).toBe('the vault is sealed; unseal it first');
    expect(table.error('not_found').message).toBe('not found');
  });

  it('tells its own errors from those of others', () => {
    const other = defineErrors('other', {});
    expect(table.is(table.error('not_found'))).toBe(true);
    expect(table.is(table.error('not_found'), 'not_found')).toBe(true);
    expect(table.is(table.error('not_found'), 'internal')).toBe(false);
    expect(table.is(other.error('not_found'))).toBe(false);
    expect(table.is(new Error('not_found'))).toBe(false);
  });

  it.each(['', 'Route', 'a-b', 'a__b', '_a', 'a_', '1a', 'a b', 'a.', '.a', 'a.b.c', 'é', `a${'b'.repeat(64)}`])(
    'refuses the malformed code %j',
    (code) => {
      expect(() => defineErrors('demo', { [code]: row })).toThrow(/malformed/);
    },
  );

  it('refuses a common code defined again, bad statuses and a bad system', () => {
    expect(() => defineErrors('demo', { internal: row })).toThrow(/common code/);
    expect(() => defineErrors('demo', { a: { ...row, http: 200 } })).toThrow(/HTTP status 200/);
    expect(() => defineErrors('demo', { a: { ...row, grpc: 'OK' } })).toThrow(/gRPC status OK/);
    expect(() => defineErrors('Demo', {})).toThrow(/system name/);
  });
});

describe('wire errors', () => {
  it('maps a table error to body and both statuses', () => {
    const wire = toWire(table.error('route_invalid', 'no host', { field: 'backend' }), noReport);
    expect(wire).toEqual({
      http: 400,
      grpc: 3,
      retry: false,
      retryAfterSeconds: null,
      body: { error: { code: 'route_invalid', message: 'no host', details: { field: 'backend' } } },
    });
  });

  it('says when to try again', () => {
    const wire = toWire(table.error('resource_exhausted', 'busy', { limit: 3 }, { retryAfterSeconds: 7 }), noReport);
    expect(wire.retryAfterSeconds).toBe(7);
    expect(wire.body.error.details).toEqual({ limit: 3, retry_after: 7 });
  });

  it('never sends the cause or the stack', () => {
    const error = table.error('not_found', 'no such route', {}, { cause: new Error('planted-secret') });
    expect(JSON.stringify(toWire(error, noReport))).not.toContain('planted-secret');
  });

  it('turns any other thrown value into internal, with an id and no leak', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.string().map((text) => new Error(text)),
        ),
        (thrown) => {
          fc.pre(!(thrown instanceof SystemError));
          const seen: [unknown, string][] = [];
          const wire = toWire(thrown, (error, id) => seen.push([error, id]));
          expect(seen).toHaveLength(1);
          expect(Object.is(seen[0]![0], thrown)).toBe(true);
          const id = seen[0]![1];
          expect(id).toMatch(/^[0-9a-f]{16}$/);
          expect(wire).toEqual({
            http: 500,
            grpc: 13,
            retry: false,
            retryAfterSeconds: null,
            body: {
              error: {
                code: 'internal',
                message: `internal error; the log has the cause under error_id ${id}`,
                details: { error_id: id },
              },
            },
          });
        },
      ),
    );
  });
});
