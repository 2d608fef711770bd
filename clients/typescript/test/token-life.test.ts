import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessToken } from "../src/access-token.js";
import { minute, now, second } from "../src/clock.js";
import { TokenLife } from "../src/token-life.js";
import { VaultError } from "../src/vault-error.js";
import { FakeClock, settle } from "./fake-clock.js";

const ttl = 30 * minute;
const life = 60 * minute;

/** A life with a Vault whose answers the test decides. Tokens are called 1, 2, 3… */
class Subject {
  readonly clock = new FakeClock();
  readonly asked: number[] = [];
  readonly warnings: string[] = [];
  down: Error | undefined;
  /** Answers wait for it. */
  pending: Promise<void> = Promise.resolve();
  readonly life = new TokenLife(
    (minTtl) => this.#read(minTtl),
    this.clock,
    (message) => this.warnings.push(message),
  );

  async #read(minTtl: number): Promise<AccessToken> {
    const asked = now(this.clock);
    const name = `${this.asked.push(minTtl)}`;
    await this.pending;
    if (this.down) throw this.down;
    return new AccessToken(name, asked, ttl, life);
  }

  async get(minTtl = 0): Promise<string> {
    return (await this.life.get(minTtl)).header().replace("Bearer ", "");
  }

  get reads(): number {
    return this.asked.length;
  }

  /** Lets answers wait until the function that is returned is called. */
  hang(): () => void {
    let release = () => {};
    this.pending = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }
}

test("callers who ask at once share one read", async () => {
  const s = new Subject();
  const tokens = await Promise.all(Array.from({ length: 20 }, () => s.get()));
  assert.deepEqual(new Set(tokens), new Set(["1"]));
  assert.equal(s.reads, 1);
});

test("a token in use is read again at its ttl, in the background", async () => {
  const s = new Subject();
  await s.get();
  await s.get(); // after the read that it shared with nobody
  await s.clock.advance(ttl - 1);
  assert.equal(s.reads, 1);
  await s.clock.advance(1);
  await settle();
  assert.equal(s.reads, 2, "read without anybody asking");
  assert.equal(await s.get(), "2");
});

test("a token that nobody uses is not read again until somebody does", async () => {
  const s = new Subject();
  await s.get();
  await s.clock.advance(10 * life);
  assert.equal(s.reads, 1);
  assert.equal(await s.get(), "2");
});

test("a caller waits for a new token for no longer than a second while the previous one has its reserve", async () => {
  const s = new Subject();
  await s.get();
  await s.clock.advance(ttl);
  const release = s.hang();
  const first = s.get();
  await s.clock.advance(second);
  assert.equal(await first, "1");
  assert.equal(await s.get(), "1", "the second is counted from the start of the read");
  release();
  await settle();
  assert.equal(await s.get(), "2");
  assert.equal(s.reads, 2);
});

test("a caller waits for a new token when the previous one is about to end", async () => {
  const s = new Subject();
  await s.get();
  await s.clock.advance(life - 30 * second);
  const release = s.hang();
  const late = s.get();
  await s.clock.advance(5 * second);
  release();
  assert.equal(await late, "2");
});

test("while Vault fails, the previous token is used until it expires, with one warning", async () => {
  const s = new Subject();
  await s.get();
  s.down = new VaultError("itwin/token/viewer: Vault answered 503", { status: 503 });
  for (let passed = 0; passed < life - second; passed += second) {
    await s.clock.advance(second);
    assert.equal(await s.get(), "1");
  }
  assert.deepEqual(
    [...new Set(s.warnings)],
    ["using the previous access token until 2026-11-23T10:00:00.000Z: itwin/token/viewer: Vault answered 503"],
  );
  await s.clock.advance(second);
  await assert.rejects(s.get(), s.down);
  const attempts = s.reads - 1;
  assert.ok(attempts >= 59 && attempts <= 130, `${attempts} attempts in 30 minutes`);
  s.down = undefined;
  await s.clock.advance(5 * second);
  assert.match(await s.get(), /^\d+$/);
});

test("callers without a token get the same error again for at most 5 s, and no read is made meanwhile", async () => {
  const s = new Subject();
  s.down = new Error("down");
  for (let passed = 0; passed < minute; passed += 100) {
    await assert.rejects(s.get(), s.down);
    await s.clock.advance(100);
  }
  assert.ok(s.reads >= 12 && s.reads <= 30, `${s.reads} reads in a minute`);
  s.down = undefined;
  await s.clock.advance(5 * second);
  await s.get();
});

test("Vault is left alone for as long as it asks for", async () => {
  const s = new Subject();
  s.down = new VaultError("rate limit", { status: 429, retryAfter: 2 * minute });
  await assert.rejects(s.get());
  await s.clock.advance(2 * minute - 1);
  await assert.rejects(s.get());
  assert.equal(s.reads, 1);
  s.down = undefined;
  await s.clock.advance(1);
  await s.get();
});

test("min_ttl is asked for only if the token has less, and what comes is shared from then on", async () => {
  const s = new Subject();
  await s.get();
  assert.equal(await s.get(50 * minute), "1");
  await s.clock.advance(11 * minute);
  assert.deepEqual(await Promise.all([s.get(50 * minute), s.get(50 * minute)]), ["2", "2"]);
  assert.equal(await s.get(), "2");
  assert.deepEqual(s.asked, [0, 50 * minute]);
});

test("a min_ttl that can't be had is an error for its caller alone", async () => {
  const s = new Subject();
  await s.get();
  s.down = new VaultError("min_ttl is too long", { status: 400 });
  await assert.rejects(s.get(61 * minute), s.down);
  s.down = undefined;
  await s.clock.advance(ttl);
  assert.equal(await s.get(), "3", "no pause after somebody else's error");
  assert.deepEqual(s.warnings, []);
});

test("a machine that slept does not hand out a token that expired meanwhile", async () => {
  const s = new Subject();
  await s.get();
  s.clock.suspend(life + second);
  s.down = new Error("no network yet");
  await assert.rejects(s.get(), s.down);
  s.down = undefined;
  await s.clock.advance(5 * second);
  assert.equal(await s.get(), "3");
});

test("a clock that is set back does not prolong a token", async () => {
  const s = new Subject();
  await s.get();
  s.clock.set(-life);
  s.down = new Error("down");
  await s.clock.advance(life - second);
  assert.equal(await s.get(), "1");
  await s.clock.advance(second);
  await assert.rejects(s.get());
});

test("of two reads the one that began later counts", async () => {
  const s = new Subject();
  await s.get();
  await s.clock.advance(ttl);
  const release = s.hang();
  const slow = s.get();
  s.pending = Promise.resolve();
  await s.clock.advance(10);
  assert.equal(await s.get(55 * minute), "3");
  release();
  await slow;
  assert.equal(await s.get(), "3");
});
