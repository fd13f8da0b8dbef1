/** One RPC as ts-proto generates it, with the message types left open. */
export type MethodDefinition = {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
};

/** A generated `FooService` constant: its methods by their lower-case name. */
export type ServiceDefinition = { readonly [method: string]: MethodDefinition };

export type RequestOf<M extends MethodDefinition> = ReturnType<M['requestDeserialize']>;
export type ResponseOf<M extends MethodDefinition> = ReturnType<M['responseDeserialize']>;

/** What a handler and an authorization rule know of the call. */
export type CallContext = {
  readonly path: string;
  /** Of the other end of the connection, in canonical text; empty on a Unix socket. */
  readonly peerAddress: string;
  /** Of this call, for log and audit. */
  readonly requestId: string;
  /** Aborts when the caller is gone, its deadline passed, or the server closes. */
  readonly signal: AbortSignal;
  /** A header of the request by its lower-case name; null when absent. Given twice, the first counts. */
  header(name: string): string | null;
};

type Handler<M extends MethodDefinition> = M['requestStream'] extends true
  ? never
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, context: CallContext) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, context: CallContext) => ResponseOf<M> | Promise<ResponseOf<M>>;

/** One function an RPC. Whatever it throws is mapped to the wire by the server; a SystemError keeps its code. */
export type Handlers<S extends ServiceDefinition> = { readonly [M in keyof S]: Handler<S[M]> };

/**
 * Who may call an RPC.
 * `socket`: whoever the file permissions of the Unix socket let in; refused at start on any other transport.
 * `public`: anyone who can connect. Otherwise a named check that throws a SystemError to refuse.
 */
export type AuthorizationRule =
  'socket' | 'public' | { readonly rule: string; authorize(context: CallContext): void | Promise<void> };

/** The rule of every RPC; one that is missing is an error at start (and already for the type checker). */
export type AuthorizationMap<S extends ServiceDefinition> = { readonly [M in keyof S]: AuthorizationRule };

export type CallOptions = {
  readonly signal?: AbortSignal;
  /** How long the whole call may take. */
  readonly timeoutMs?: number;
};

type ClientMethod<M extends MethodDefinition> = M['requestStream'] extends true
  ? never
  : M['responseStream'] extends true
    ? (request: RequestOf<M>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (request: RequestOf<M>, options?: CallOptions) => Promise<ResponseOf<M>>;

/**
 * The RPCs of a service as functions. Every failure is a SystemError: with the server's own code when the server sent
 * one. A stream's call starts when its first message is asked for and is cancelled when the loop over it is left.
 */
export type ServiceClient<S extends ServiceDefinition> = { readonly [M in keyof S]: ClientMethod<S[M]> };
