/** Time, so that tests can hand in their own. All figures are milliseconds. */
export interface Clock {
  /** The time since 1970: counts while the machine sleeps, but jumps when somebody sets it. */
  wall(): number;
  /** The time since some moment: never jumps, but may stand still while the machine sleeps. */
  monotonic(): number;
  /** Calls back once, without keeping the process alive until then. Returns what cancels it. */
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
 * The longer of what the two clocks say, as a token must not outlive its time: one misses what a laptop slept through,
 * the other goes back when it is set back.
 */
export function elapsed(clock: Clock, since: Moment): number {
  return Math.max(clock.wall() - since.wall, clock.monotonic() - since.monotonic);
}

export function sleep(clock: Clock, delay: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delay, resolve));
}

/**
 * Waits for a promise and keeps the process alive meanwhile: neither the timers nor the connections of this package do,
 * so that what goes on in the background doesn't hold up a process that is done.
 */
export async function wait<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, day);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
