import type { Clock } from "../src/clock.js";

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #wall = Date.parse("2026-11-23T09:00:00Z");
  #monotonic = 0;
  #timers: { at: number; callback: () => void }[] = [];

  wall = () => this.#wall;
  monotonic = () => this.#monotonic;

  after(delay: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + delay, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass, and all that is due by then happen in order. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (;;) {
      await settle();
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      this.#jump((next?.at ?? end) - this.#monotonic);
      if (!next) return;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      next.callback();
    }
  }

  /** The machine sleeps: its timers don't run, and only one clock goes on. */
  suspend(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** Somebody sets the wall clock. */
  set(difference: number): void {
    this.#wall += difference;
  }

  #jump(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for what takes real time, such as an answer of a server on this machine. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
