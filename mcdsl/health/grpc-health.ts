import { HealthCheckResponse_ServingStatus as Status, HealthService } from '../../proto/gen/grpc/health/v1/health.ts';
import type { HealthCheckResponse } from '../../proto/gen/grpc/health/v1/health.ts';
import { defineErrors } from '../errors/index.ts';
import { defineService, watchChanges } from '../grpc/index.ts';
import type { ServedService } from '../grpc/index.ts';
import type { Health, PartHealth } from './health.ts';

const errors = defineErrors('health', {});

/** `grpc.health.v1` over a server's health (gRPC health checking protocol; List as in proposal A90). */
export function healthService(health: Health): ServedService {
  return defineService(HealthService, {
    handlers: {
      check({ service }) {
        const known = health.get(service);
        if (known === null)
          throw errors.error('not_found', `no part of this server is called ${JSON.stringify(service)}`);
        return answer(known);
      },
      list: () => ({
        statuses: Object.fromEntries([...health.all()].map(([part, known]) => [part, answer(known)])),
      }),
      async *watch({ service }, { signal }) {
        let sent: HealthCheckResponse['status'] | null = null;
        for await (const next of watchChanges(() => answer(health.get(service)), health.onChange, signal)) {
          if (next.status !== sent) yield next;
          sent = next.status;
        }
      },
    },
    // As everywhere: a load balancer or supervisor asks without credentials, and learns one word.
    authorization: { check: 'public', list: 'public', watch: 'public' },
  });
}

function answer(known: PartHealth | null): HealthCheckResponse {
  if (known === null) return { status: Status.SERVICE_UNKNOWN };
  return { status: known.state === 'serving' ? Status.SERVING : Status.NOT_SERVING };
}
