/** A clock, so that tests can pass in their own. All times are in milliseconds. */
export interface Clock {
  /** The time since 1970: advances while the machine sleeps, but jumps when someone sets the clock. */
  wall(): number;
  /** The time since an arbitrary moment: never jumps, but may stop while the machine sleeps. */
  monotonic(): number;
  /** Calls back once, without keeping the process alive until then. Returns a function that cancels it. */
  after(delay: number, callback: () => void): () => void;
}

export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export const second = 1000;
export const minute = 60 * second;
export const day = 24 * 60 * minute;

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay).unref();
    return () => clearTimeout(timer);
  },
};

export function now(clock: Clock): Moment {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/**
 * The longer of the times that the two clocks show, because a token must not be used after it has expired: one clock
 * may miss the time that a laptop slept, and the other can be set back.
 */
export function elapsed(clock: Clock, since: Moment): number {
  return Math.max(clock.wall() - since.wall, clock.monotonic() - since.monotonic);
}

export function sleep(clock: Clock, delay: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delay, resolve));
}

/**
 * Waits for a promise and keeps the process alive meanwhile: neither the timers nor the connections of this package do,
 * so that background work doesn't hold up a process that has finished.
 */
export async function wait<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, day);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
