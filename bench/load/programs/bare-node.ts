import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Server } from '@grpc/grpc-js';
import Database from 'better-sqlite3';
import fastify from 'fastify';

/** `bare-node.ts FILE`: what a server of ours is made of, loaded and doing nothing. */
const { port } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as { port: number };
const parts = [fastify(), new Server(), new Database(':memory:')];
createServer((socket) => socket.end()).listen(port, '127.0.0.1', () => {
  process.stdout.write(`${parts.length} parts loaded\n`);
});
