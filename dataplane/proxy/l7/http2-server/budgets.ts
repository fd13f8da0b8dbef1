import { CODE, ConnectionError } from './protocol.ts';

/**
 * Requests that came to nothing by the client's doing: reset by it (CVE-2023-44487), by us for its protocol errors (CVE-2025-8671), or
 * refused with their head (CVE-2016-6581). Each can have cost a backend a request. A browser that leaves a page
 * cancels up to max_streams at once: three times that. Each whole response earns one back, so that whoever cancels half of what
 * it asks for is never cut.
 */
const RESET_BURST = 400;
const RESETS_PER_SECOND = 33;
/**
 * PING and SETTINGS, each an answer, and DATA without data. gRPC measures bandwidth with a PING a round trip while data
 * comes; so each piece of data sent earns one back.
 */
const CONTROL_BURST = 500;
const CONTROLS_PER_SECOND = 50;
/**
 * PRIORITY, frames of unknown types, and what comes for streams that are gone: read and dropped. A client widens the window of a stream
 * or resets it without knowing that its response is out; so data sent and whole responses earn these back too.
 */
const IDLE_BURST = 2_000;
const IDLES_PER_SECOND = 330;

/** What one client may do to its HTTP/2 connection beyond asking for things; more is a ConnectionError. */
export class Budgets {
  readonly #resets: Budget;
  readonly #controls: Budget;
  readonly #idles: Budget;

  constructor(now: number) {
    this.#resets = new Budget('requests broken off', RESET_BURST, RESETS_PER_SECOND, now);
    this.#controls = new Budget('PING, SETTINGS or empty DATA frames', CONTROL_BURST, CONTROLS_PER_SECOND, now);
    this.#idles = new Budget('frames without effect', IDLE_BURST, IDLES_PER_SECOND, now);
  }

  brokenOff(now: number): void {
    this.#resets.spend(now);
  }

  responded(): void {
    this.#resets.earn();
    this.#idles.earn();
  }

  controlFrame(now: number): void {
    this.#controls.spend(now);
  }

  dataSent(): void {
    this.#controls.earn();
    this.#idles.earn();
  }

  idleFrame(now: number): void {
    this.#idles.spend(now);
  }
}

/** So many at once, and then so many a second. Cost: a comparison; the clock is the watch's, which stands still for a second. */
class Budget {
  readonly #what: string;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(what: string, burst: number, perSecond: number, now: number) {
    this.#what = what;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#at = now;
  }

  earn(): void {
    if (this.#left < this.#burst) this.#left++;
  }

  spend(now: number): void {
    if (now > this.#at) {
      this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) * this.#perSecond) / 1000);
      this.#at = now;
    }
    if (--this.#left < 0) throw new ConnectionError(CODE.enhanceYourCalm, `too many ${this.#what}`, 'limit_streams');
  }
}
