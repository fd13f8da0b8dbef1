import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';

/** An origin that answers with what it was asked: plain HTTP on 127.0.0.1:8080, its own TLS on 127.0.0.1:8443, or the port that follows. */
const [cert = '', key = '', tlsPort = '8443'] = process.argv.slice(2);

const answer: RequestListener = (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, headers: request.headers }));
};

const plain = createHttpServer(answer);
const tls = createHttpsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer);
plain.listen(8080, '127.0.0.1', () => tls.listen(Number(tlsPort), '127.0.0.1', () => process.stdout.write('ready\n')));
