import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGrpcClient } from '../../../controlplane/identity/test-support/grpc-client.ts';
import { createRestClient } from '../../../controlplane/identity/test-support/rest-client.ts';
import { messageOf } from '../../../mcdsl/errors/index.ts';
import { TokenServiceService, ValidateRequest } from '../../../proto/gen/mcias/v1/token.ts';
import { SERVICE_NAME } from '../mcias.ts';
import { WEB_HOST } from '../model.ts';

/** `validate-client.ts DIR SECONDS`: validates the tokens of DIR/validate.json in turn, 16 at once. Prints {"calls", "errors"}. */
const [dir = '', seconds = ''] = process.argv.slice(2);
const { protocol, port, ca, tokens } = JSON.parse(readFileSync(join(dir, 'validate.json'), 'utf8')) as {
  protocol: 'grpc' | 'rest';
  port: number;
  ca: string;
  tokens: string[];
};
const AT_ONCE = 16;
const caPem = readFileSync(ca, 'utf8');
const deadline = performance.now() + Number(seconds) * 1000;
const errors = new Set<string>();
let calls = 0;

using grpc = createGrpcClient({ grpcPort: port }, caPem);
using rest = createRestClient({ url: `https://${WEB_HOST}:${port}` }, caPem, AT_ONCE);

async function isValid(token: string): Promise<boolean> {
  if (protocol === 'rest') {
    return (await rest.post('/v1/token/validate', { token, service_name: SERVICE_NAME })).body['valid'] === true;
  }
  const request = ValidateRequest.create({ token, serviceName: SERVICE_NAME });
  return (await grpc.call(TokenServiceService.validate, request)).valid;
}

await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    try {
      do {
        if (await isValid(tokens[calls++ % tokens.length] ?? '')) continue;
        errors.add('a token is not valid');
      } while (performance.now() < deadline && errors.size === 0);
    } catch (error) {
      errors.add(messageOf(error));
    }
  }),
);
process.stdout.write(`${JSON.stringify({ calls, errors: [...errors] })}\n`);
