import type { AccessToken } from "./access-token.js";
import { type Clock, elapsed, type Moment, minute, now, second, sleep, wait } from "./clock.js";
import { VaultError } from "./vault-error.js";

/** How long a caller waits for a new token while the previous one is usable; the same as in the engine. */
const grace = second;

/** The longest pauses between two attempts, in milliseconds: with a token to hand out, and without one. */
const longestPause = minute / 2;
const longestPauseWithoutToken = 5 * second;

/** A read in progress. */
interface Reading {
  readonly done: Promise<AccessToken>;
  /** Resolves when callers who have a token have waited for long enough. */
  readonly late: Promise<void>;
}

interface Failure {
  readonly error: unknown;
  readonly at: Moment;
  /** How long to wait before the next attempt, in milliseconds: by our own rule, and as Vault asked. */
  readonly backoff: number;
  readonly asked: number;
}

/** The life of one token: when it is read, who waits for it, what is handed out meanwhile. It doesn't know Vault. */
export class TokenLife {
  readonly #read: (minTtl: number) => Promise<AccessToken>;
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  #current: AccessToken | undefined;
  /** By the minimum life that was requested; 0 means any. */
  readonly #readings = new Map<number, Reading>();
  #failure: Failure | undefined;
  #failures = 0;
  #used = false;
  #cancel = () => {};

  /** read takes the milliseconds that the token must have left. */
  constructor(read: (minTtl: number) => Promise<AccessToken>, clock: Clock, warn: (message: string) => void) {
    this.#read = read;
    this.#clock = clock;
    this.#warn = warn;
  }

  /** Returns a token with at least minTtl milliseconds left. Throws if it has to be read and can't be. */
  async get(minTtl: number): Promise<AccessToken> {
    this.#used = true;
    const current = this.#usable(minTtl);
    if (!current && minTtl > 0) return wait(this.#start(minTtl).done);
    if (current && (!current.isDue(this.#clock) || this.#isPausing())) return current;
    if (this.#failure && this.#isPausing()) throw this.#failure.error;
    return wait(this.#await(this.#start(0), current, minTtl));
  }

  async #await({ done, late }: Reading, current: AccessToken | undefined, minTtl: number): Promise<AccessToken> {
    const hasReserve = current && current.left(this.#clock) > current.reserve();
    try {
      await (hasReserve ? Promise.race([done, late]) : done);
    } catch (err) {
      if (!this.#usable(minTtl)) throw err;
    }
    return this.#usable(minTtl) ?? (await done);
  }

  #usable(minTtl: number): AccessToken | undefined {
    const left = this.#current?.left(this.#clock) ?? 0;
    return left > 0 && left >= minTtl ? this.#current : undefined;
  }

  #isPausing(): boolean {
    return this.#failure !== undefined && elapsed(this.#clock, this.#failure.at) < this.#pause(this.#failure);
  }

  #pause({ backoff, asked }: Failure): number {
    return Math.max(Math.min(backoff, this.#usable(0) ? longestPause : longestPauseWithoutToken), asked);
  }

  /** Starts a read or joins the one in progress. */
  #start(minTtl: number): Reading {
    const running = this.#readings.get(minTtl);
    if (running) return running;
    const done = this.#finish(minTtl);
    done.catch(() => {}); // nobody may be waiting
    const reading = { done, late: sleep(this.#clock, grace) };
    this.#readings.set(minTtl, reading);
    return reading;
  }

  async #finish(minTtl: number): Promise<AccessToken> {
    try {
      const token = await this.#read(minTtl);
      this.#accept(token);
      return token;
    } catch (err) {
      // A failure to get a long-lived token says nothing about other reads.
      if (minTtl === 0) this.#fail(err);
      throw err;
    } finally {
      this.#readings.delete(minTtl);
    }
  }

  #accept(token: AccessToken): void {
    // Of two reads, the one that started first may finish last.
    if (this.#current && token.asked.monotonic < this.#current.asked.monotonic) return;
    this.#current = token;
    this.#failure = undefined;
    this.#failures = 0;
    this.#readIn(token.ttl);
  }

  #fail(error: unknown): void {
    const backoff = Math.min(second * 2 ** this.#failures++, longestPause) * (1 - Math.random() / 2);
    const asked = error instanceof VaultError ? (error.retryAfter ?? 0) : 0;
    this.#failure = { error, at: now(this.#clock), backoff, asked };
    const current = this.#usable(0);
    const end = current && new Date(current.asked.wall + current.life).toISOString();
    // Also without a token, because IModelHost.getAccessToken hides the error.
    const reason = error instanceof Error ? error.message : "unknown";
    this.#warn(end ? `using the previous access token until ${end}: ${reason}` : `no access token: ${reason}`);
    if (current) this.#readIn(this.#pause(this.#failure));
  }

  /** Reads in the background, unless nobody has asked for the token by then. */
  #readIn(delay: number): void {
    this.#cancel();
    this.#used = false;
    this.#cancel = this.#clock.after(delay, () => {
      if (this.#used) this.#start(0);
    });
  }
}
