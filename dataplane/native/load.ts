import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../mcdsl/errors/thrown.ts';
import type { DatagramStats, ReactorFigures, ResumableHash } from './native.ts';

/** What `native-deps/core` exports: one function or class a line, named as there. */
export interface NativeCore {
  boundary(): number;
  version(): string;
  readonly Sha256: {
    new (): ResumableHash;
    load(saved: Uint8Array): ResumableHash | null;
  };
  readonly NativeReactor: {
    /** `wake` is told how many event records stand in `memory`; `resource` is what async hooks see. */
    new (memory: ArrayBuffer, wake: (events: number) => void, resource: object): NativeReactor;
  };
  readonly NativeDatagrams: {
    /** `wake` is told how many datagrams stand in `memory`, or a negative errno. It is held until `close`. */
    new (
      memory: ArrayBuffer,
      batch: number,
      maxBytes: number,
      wake: (received: number) => void,
      resource: object,
    ): NativeDatagrams;
  };
  readonly NativeSendFile: {
    /** `ended` is told once, unless `start` told it or it was cancelled: 0: done, 1: the file is too short, or a negative errno. */
    new (
      socket: number,
      file: number,
      start: number,
      length: number,
      ended: (code: number) => void,
      resource: object,
    ): NativeSendFile;
  };
}

/** `native-deps/core/src/datagrams/binding.rs`; addresses as of NativeReactor. */
export interface NativeDatagrams {
  /** 0, or a negative errno. Once. */
  bind(words: readonly number[], port: number): number;
  address(): readonly number[];
  send(bytes: Uint8Array, peer: readonly number[], port: number, local: readonly number[]): void;
  figures(): DatagramStats;
  close(): void;
}

/** `native-deps/core/src/send_file/binding.rs` */
export interface NativeSendFile {
  /** As `ended` is told, or 2: it goes on. */
  start(): number;
  readonly left: number;
  cancel(): void;
}

/** `native-deps/core/src/reactor/binding.rs`; addresses are four words (see IpAddress) and a port. Listeners are numbers, errors negative errnos. */
export interface NativeReactor {
  listen(words: readonly number[], port: number, backlog: number): number;
  /** Serves a duplicate: the descriptor stays its owner's. */
  listenInherited(fd: number, backlog: number): number;
  /** Accepts who waits, tells of them, then closes. */
  unlisten(listener: number): void;
  /** Empty: there is none of that number. */
  listenerAddress(listener: number): readonly number[];
  localAddress(slot: number, generation: number): readonly number[];
  bytesUp(slot: number, generation: number): number;
  bytesDown(slot: number, generation: number): number;
  /** The descriptor, ours to close from now on; -1: the connection is gone. */
  adopt(slot: number, generation: number, skip: number): number;
  /** Does the commands in the memory. True: there is something to be told. */
  flush(): boolean;
  /** Calls `wake` with what is to be told, unless it is being called. */
  tell(): void;
  figures(): ReactorFigures;
  close(): void;
}

export type LoadedCore =
  | { readonly core: NativeCore; readonly why: null }
  /** `why`: one line for the operator. */
  | { readonly core: null; readonly why: string };

/** Raised together with the constant of the same name in `native-deps/core/src/version.rs`. */
const BOUNDARY = 4;
const ROOT = join(import.meta.dirname, '../..');
/** Where set-up puts the core that it built, then where npm puts the one of this platform (`npm run pack:native`). */
const FILES = [
  join(ROOT, 'native-deps/core/target/core.node'),
  join(ROOT, `node_modules/@metacircular/core-${process.platform}-${process.arch}/core.node`),
];

let loaded: LoadedCore | null = null;

/** Loads the native core once a thread. `MC_NATIVE=off` says that it isn't wanted. Never throws: the portable twins serve without it. */
export function loadCore(): LoadedCore {
  return (loaded ??= process.env['MC_NATIVE'] === 'off' ? without('MC_NATIVE=off') : openFirst(FILES));
}

function openFirst(files: readonly string[]): LoadedCore {
  const there = files.find((file) => existsSync(file));
  return there === undefined ? without('the native core is not built: cargo was not there at set-up') : open(there);
}

function open(file: string): LoadedCore {
  const module = { exports: {} as NativeCore };
  try {
    process.dlopen(module, file, constants.dlopen.RTLD_NOW);
  } catch (error) {
    return without(messageOf(error));
  }
  const core = module.exports;
  const found = core.boundary();
  if (found !== BOUNDARY) {
    return without(`${file} is of boundary ${found}, this release of ${BOUNDARY}: run \`npm run setup\``);
  }
  return { core, why: null };
}

function without(why: string): LoadedCore {
  return { core: null, why };
}
