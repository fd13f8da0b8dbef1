import { DrainService, DrainState } from '../../proto/gen/mcdsl/v1/admin.ts';
import type { DrainStatus as WireStatus } from '../../proto/gen/mcdsl/v1/admin.ts';
import { defineErrors } from '../errors/index.ts';
import { defineService, watchChanges } from '../grpc/index.ts';
import type { ServedService } from '../grpc/index.ts';
import type { DrainControl, DrainStatus } from '../lifecycle/drain-control.ts';

const errors = defineErrors('drain', {});
const maxTimeoutMs = 24 * 3600 * 1000;

/** `mcdsl.v1.Drain`: begins the server's shutdown and shows how it goes. */
export function drainService(control: DrainControl): ServedService {
  return defineService(DrainService, {
    handlers: {
      beginDrain({ timeoutMs }) {
        if (timeoutMs !== undefined && (timeoutMs < 0 || timeoutMs > maxTimeoutMs)) {
          throw errors.error('invalid_argument', `timeout_ms is ${timeoutMs}; from 0 to ${maxTimeoutMs} is possible`);
        }
        control.begin(timeoutMs ?? null);
        return { status: onWire(control.status()) };
      },
      async *watchDrain(_request, { signal }) {
        for await (const status of watchChanges(control.status, control.onChange, signal)) {
          yield { status: onWire(status) };
          if (status.state === 'drained') return;
        }
      },
    },
    authorization: { beginDrain: 'socket', watchDrain: 'socket' },
  });
}

function onWire(status: DrainStatus): WireStatus {
  return {
    state: stateOnWire(status.state),
    deadline: status.deadline ?? undefined,
    remaining: status.remaining,
  };
}

function stateOnWire(state: DrainStatus['state']): DrainState {
  switch (state) {
    case 'serving':
      return DrainState.SERVING;
    case 'draining':
      return DrainState.DRAINING;
    case 'drained':
      return DrainState.DRAINED;
    default:
      return state satisfies never;
  }
}
