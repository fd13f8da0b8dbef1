import { constants, type ServerHttp2Session } from 'node:http2';
import type { Reason } from '../reasons.ts';
import { refuseConnection, type ClientConnection, type L7Context } from './context.ts';
import type { Watched } from './stall-watch.ts';

/**
 * What one client may do to its HTTP/2 connection beyond asking for things. Much is bounded below us, at no cost of JavaScript: by
 * these options, and by nghttp2 (8 CONTINUATION frames and 64 KiB a head, 1000 unsent acknowledgements, 10,000 suspicious frames
 * such as PRIORITY or unknown ones and then 330 a second). What that can't see, or would end without a GOAWAY, is counted here.
 */
export const GUARD_OPTIONS = {
  /**
   * DATA without data and frames that nghttp2 refuses; and streams above max_streams. Both end the connection without a chance to say
   * why, and the first is counted over its whole life: so somewhat more than one read (64 KiB) brings, and the budgets below,
   * which are looked at between reads, speak first.
   */
  maxSessionInvalidFrames: 2_000,
  maxSessionRejectedStreams: 2_000,
  streamResetBurst: 2_000,
  streamResetRate: 100,
} as const;

/**
 * Requests that came to nothing by the client's doing: reset by it (CVE-2023-44487), by us for its protocol errors (CVE-2025-8671), or
 * refused by nghttp2 with their head (CVE-2016-6581). Each can have cost a backend a request. A browser that leaves a page
 * cancels up to max_streams at once: three times that. Each whole response earns one back, so that whoever cancels half of what
 * it asks for is never cut.
 */
const RESET_BURST = 400;
const RESETS_PER_SECOND = 33;
/**
 * PING and SETTINGS, each a call into JavaScript and an answer. gRPC measures bandwidth with a PING a round trip while data
 * comes; so each piece of data sent earns one back. Below the 1000 at which nghttp2 drops the connection without a word.
 */
const CONTROL_BURST = 500;
const CONTROLS_PER_SECOND = 50;
/** A connection that is over in both directions but for the client's FIN gets so long for it. */
const LINGER_MS = 2_000;

const { NGHTTP2_ENHANCE_YOUR_CALM } = constants;
/** nghttp2's codes for an excess: callback failure (streams rejected), flooded, too many CONTINUATION frames. */
const EXCESS: ReadonlySet<number> = new Set([-902, -904, -905]);

/** Watches over one HTTP/2 connection: a counter and a time for each budget, looked at when something is spent and once a second. */
export class Http2Guard implements Watched {
  readonly #context: L7Context;
  readonly #connection: ClientConnection;
  readonly #session: ServerHttp2Session;
  readonly #resets: Budget;
  readonly #controls: Budget;
  #open = 0;
  #activeAt: number;
  /** The last stream whose head came whole. */
  #lastId = -1;
  /** The last stream whose head began, as of the last tick; above #lastId it has not come whole, or was refused. */
  #begunId = -1;
  #begunAt = 0;
  #endingAt: number | null = null;
  #isReported = false;
  #isCut = false;

  constructor(context: L7Context, connection: ClientConnection, session: ServerHttp2Session) {
    this.#context = context;
    this.#connection = connection;
    this.#session = session;
    const { watch } = context;
    this.#activeAt = watch.now;
    this.#resets = new Budget(RESET_BURST, RESETS_PER_SECOND, watch.now);
    this.#controls = new Budget(CONTROL_BURST, CONTROLS_PER_SECOND, watch.now);
    session.on('ping', this.#onControlFrame);
    session.on('remoteSettings', this.#onControlFrame);
    session.on('error', this.#onError);
    watch.add(this);
    connection.raw.once('close', () => watch.delete(this));
  }

  streamBegan(id: number): void {
    this.#open++;
    this.#activeAt = this.#context.watch.now;
    // Ids that were left out are heads refused before they came to us.
    this.#spendResets((id - Math.max(this.#lastId, this.#begunId)) / 2 - 1);
    this.#lastId = id;
  }

  /** `whole`: the client has its response; `broken`: it, or its mistake, ended the stream before; `ours`: we broke it off. */
  streamEnded(outcome: 'whole' | 'broken' | 'ours'): void {
    this.#open--;
    this.#activeAt = this.#context.watch.now;
    if (outcome === 'whole') this.#resets.earn();
    else if (outcome === 'broken') this.#spendResets(1);
  }

  dataSent(): void {
    this.#controls.earn();
  }

  readonly #onControlFrame = (): void => {
    // No frame may stand between the pieces of a head (RFC 9113 §6.10), so none is being waited for.
    this.#lastId = Math.max(this.#lastId, this.#begunId);
    if (!this.#controls.spend(1, this.#context.watch.now)) this.#exceeded('PING or SETTINGS frames');
  };

  checkStall(now: number): void {
    const session = this.#session;
    if (session.destroyed || (session.closed && this.#open === 0)) {
      this.#endingAt ??= now;
      if (now - this.#endingAt >= LINGER_MS) this.#connection.raw.destroy();
      return;
    }
    if (this.#isCut) return session.destroy(new Error('budget exceeded'), NGHTTP2_ENHANCE_YOUR_CALM);
    const { headerTimeoutMs, idleTimeoutMs } = this.#context.settings;
    if (this.#open === 0 && now - this.#activeAt >= idleTimeoutMs) return session.close();
    const begunId = session.state.lastProcStreamID ?? 0;
    const counted = Math.max(this.#lastId, this.#begunId);
    if (begunId > 0 && begunId > counted) {
      this.#begunId = begunId;
      this.#begunAt = now;
      this.#spendResets((begunId - counted) / 2);
    } else if (this.#begunId > this.#lastId && now - this.#begunAt >= headerTimeoutMs) {
      this.#lastId = this.#begunId;
      this.#report('request_timeout', `a request head was not completed in ${headerTimeoutMs} ms`);
      session.close();
    }
  }

  #spendResets(count: number): void {
    if (count > 0 && !this.#resets.spend(count, this.#context.watch.now)) this.#exceeded('requests broken off');
  }

  /**
   * From the GOAWAY on nghttp2 ignores new streams; the end comes with the next tick, because the close of a socket with unread
   * bytes is a reset, which can overtake the GOAWAY.
   */
  #exceeded(what: string): void {
    if (this.#isCut || this.#session.destroyed) return;
    this.#isCut = true;
    this.#report('limit_streams', `too many ${what}`);
    this.#session.goaway(NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** The connection ended by an error: a rule of HTTP/2 broken, or one of nghttp2's own bounds exceeded; or the socket broke. */
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#connection.raw.destroy();
    if (error.code === 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES') this.#report('limit_streams', error.message);
    else if (error.code === 'ERR_HTTP2_ERROR') {
      this.#report(EXCESS.has(error.errno ?? 0) ? 'limit_streams' : 'request_invalid', error.message);
    }
  };

  #report(reason: Reason, detail: string): void {
    if (this.#isReported) return;
    this.#isReported = true;
    const { info, route } = this.#connection;
    refuseConnection(this.#context.reporter, info, route.hostname, reason, `HTTP/2: ${detail}`);
  }
}

/** So many at once, and then so many a second. Cost: a comparison; the clock is the watch's, which stands still for a second. */
class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#at = now;
  }

  earn(): void {
    if (this.#left < this.#burst) this.#left++;
  }

  /** False: more was spent than there was. */
  spend(count: number, now: number): boolean {
    if (now > this.#at) {
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) * this.#perSecond) / 1000);
      this.#at = now;
    }
    this.#left -= count;
    return this.#left >= 0;
  }
}
