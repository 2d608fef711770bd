import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAccessToken } from "../src/access-token.js";
import { day, minute, now, second } from "../src/clock.js";
import { FakeClock } from "./fake-clock.js";

const clock = new FakeClock();
const time = clock.wall() / second;

/** The times of an answer that came at once, in milliseconds. */
function times(ttl: unknown, expiresAt: unknown, serverTime?: number) {
  const data = { access_token: "a", ttl, expires_at_unix: expiresAt };
  const token = parseAccessToken("p", { data, auth: {}, warnings: [], serverTime }, now(clock));
  return [token.ttl, token.life];
}

test("a token lives until it expires by Vault's clock, of which a second may be missing, else by this machine's", () => {
  assert.deepEqual(times(1800, time + 3600), [30 * minute, 60 * minute]);
  assert.deepEqual(times(1800, time + 3600, clock.wall() + 10 * minute), [30 * minute, 50 * minute - second]);
});

test("a token lives for its ttl less a second, whatever a clock says, and for no more than a day", () => {
  assert.deepEqual(times(1800, time - 3600), [1799 * second - minute, 1799 * second]);
  assert.deepEqual(times(1e9, time + 1e9), [day - minute, day]);
  assert.deepEqual(times(0, time + 3600), [second, 60 * minute]);
});

test("a token that Vault wants kept until its end is read again while it has its reserve", () => {
  assert.deepEqual(times(20, time + 20), [18 * second, 20 * second]);
  assert.deepEqual(times(1, time), [second, second]);
});

test("times that are no numbers are an error", () => {
  for (const [ttl, expiresAt] of [
    ["1800", time],
    [1800, "2026-11-23T10:00:00Z"],
    [-1, time],
    [undefined, time],
  ])
    assert.throws(() => times(ttl, expiresAt), /doesn't say how long/);
});
