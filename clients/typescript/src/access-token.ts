import { type Clock, day, elapsed, type Moment, minute, second } from "./clock.js";
import type { VaultAnswer } from "./vault.js";
import { VaultError } from "./vault-error.js";

/**
 * An access token, with its times counted from when it was requested. They are based on Vault's own clock, so that this
 * machine's doesn't matter.
 */
export class AccessToken {
  readonly #value: string;
  readonly asked: Moment;
  /** When to read again, in milliseconds after it was requested: when Vault hands out a new one. */
  readonly ttl: number;
  /** When it expires, in milliseconds after it was requested. */
  readonly life: number;

  constructor(value: string, asked: Moment, ttl: number, life: number) {
    this.#value = value;
    this.asked = asked;
    this.ttl = ttl;
    this.life = life;
  }

  /** The value of an Authorization header. A method, because a property would show up in logs. */
  header(): string {
    return `Bearer ${this.#value}`;
  }

  isDue(clock: Clock): boolean {
    return elapsed(clock, this.asked) >= this.ttl;
  }

  /** The life it has left, in milliseconds; negative once it has expired. */
  left(clock: Clock): number {
    return this.life - elapsed(clock, this.asked);
  }

  /** The life it must have left to be used instead of waiting for a new one; the same as in the engine. */
  reserve(): number {
    return reserveOf(this.life);
  }
}

function reserveOf(life: number): number {
  return Math.min(minute, life / 10);
}

/** RFC 6750, section 2.1. */
const b64token = /^[A-Za-z0-9._~+/-]+=*$/;

/** Parses the engine's answer to a read of a token. Throws a VaultError for any other answer. */
export function parseAccessToken(path: string, { data, serverTime }: VaultAnswer, asked: Moment): AccessToken {
  const { access_token: value, ttl, expires_at_unix: expiresAt } = data;
  if (typeof value !== "string" || !b64token.test(value))
    throw new VaultError(`${path}: the answer has no access token: is that a path of the iTwin secrets engine?`, {
      status: 200,
    });
  if (!isSeconds(ttl) || !isSeconds(expiresAt))
    throw new VaultError(`${path}: the answer doesn't say how long the token lives`, { status: 200 });
  // A Date header is up to a second behind, and a ttl is rounded up. The engine's ttl is within the token's life,
  // however wrong a clock is.
  const left = expiresAt * second - (serverTime === undefined ? asked.wall : serverTime + second);
  const life = Math.min(Math.max(left, (ttl - 1) * second, second), day);
  // In an outage the engine may say to come back when the token ends. That would be too late.
  const due = Math.min(ttl * second, life - reserveOf(life));
  return new AccessToken(value, asked, Math.max(due, second), life);
}

function isSeconds(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
