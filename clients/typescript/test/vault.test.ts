import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, systemClock } from "../src/clock.js";
import { Vault, type VaultRequest } from "../src/vault.js";
import { VaultError } from "../src/vault-error.js";
import { resolveOptions, type VaultOptions } from "../src/vault-options.js";
import { type Answer, type Seen, VaultServer } from "./vault-server.js";

const read: VaultRequest = { method: "GET", path: "itwin/token/viewer", token: "hvs.canary" };

/** Doesn't wait between attempts. */
const hasty: Clock = { ...systemClock, after: (_, callback) => systemClock.after(0, callback) };

const newVault = (address: string, more: VaultOptions = {}) =>
  new Vault(resolveOptions({ address, maxRetries: 0, timeout: 5, ...more }, {}), hasty);

/** What a request that must fail fails with. */
async function failure(vault: Vault, request = read): Promise<VaultError> {
  const err = await vault.request(request).then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(err instanceof VaultError, String(err));
  assert.doesNotMatch(err.message, /canary/);
  return err;
}

const answering = (t: TestContext, answer: Answer) => VaultServer.start(t, () => answer);

test("a request has the headers of Vault's own clients", async (t) => {
  const server = await answering(t, { body: { data: { a: 1 } } });
  const vault = newVault(`${server.address}/behind/a/proxy/`, { namespace: "team" });
  const answer = await vault.request({ ...read, query: { min_ttl: "3000s" } });
  assert.deepEqual(answer.data, { a: 1 });
  const [seen] = server.seen as [Seen];
  assert.equal(seen.path, "/behind/a/proxy/v1/itwin/token/viewer?min_ttl=3000s");
  assert.equal(seen.headers["x-vault-token"], "hvs.canary");
  assert.equal(seen.headers["x-vault-request"], "true");
  assert.equal(seen.headers["x-vault-namespace"], "team");
});

test("errors carry Vault's status, its text and what to do", async (t) => {
  for (const [status, errors, say] of [
    [400, ["IMS refuses: invalid_client"], /answered 400: IMS refuses: invalid_client$/],
    [
      403,
      ["1 error occurred:\n\t* permission denied\n\n"],
      /403: 1 error occurred: \* permission denied \(.*"read" on itwin\/token/,
    ],
    [404, [], /404 \(.*check the mount and the role/],
    [429, [], /429 \(too many requests/],
    [500, [], /500 \(.*server log/],
    [502, ["IMS answered 503"], /502: IMS answered 503$/],
    [503, ["Vault is sealed"], /503: Vault is sealed \(.*unseal/],
  ] as const) {
    const server = await answering(t, { status, body: { errors } });
    const err = await failure(newVault(server.address));
    assert.equal(err.status, status);
    assert.match(err.message, say);
  }
});

test("a text that repeats what was sent is dropped, and no text breaks a line of a log", async (t) => {
  const echo = await answering(t, { status: 400, body: { errors: ["bad token hvs.canary"] } });
  assert.equal((await failure(newVault(echo.address))).message, "itwin/token/viewer: Vault answered 400");
  const forger = await answering(t, { status: 502, body: { errors: ["a\r\n2026 INFO all is well\u001b[2J\u2028b"] } });
  assert.match((await failure(newVault(forger.address))).message, /502: a 2026 INFO all is well \[2J b$/);
});

test("what isn't an answer of Vault's is an error that says so and quotes nothing", async (t) => {
  for (const body of ["<html>canary: please sign in</html>", "", "null", '"canary"', '{"data":']) {
    const server = await answering(t, { body });
    assert.match((await failure(newVault(server.address))).message, /answered 200, but not with Vault's JSON/);
  }
  const huge = await answering(t, { body: "x".repeat((1 << 20) + 1) });
  assert.match((await failure(newVault(huge.address))).message, /over 1 MiB/);
});

test("a Vault that hangs is given up after the timeout", async (t) => {
  const server = await answering(t, {});
  const err = await failure(newVault(server.address, { timeout: 0.1 }));
  assert.equal(err.code, "ETIMEDOUT");
});

test("an answer that stops halfway is given up as well", async (t) => {
  for (const [broken, code] of [
    [(outgoing: http.ServerResponse) => void outgoing.write("{"), "ETIMEDOUT"],
    [(outgoing: http.ServerResponse) => void outgoing.write("{", () => outgoing.destroy()), "ECONNRESET"],
  ] as const) {
    const server = http.createServer((_, outgoing) => broken(outgoing)).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    assert.equal((await failure(newVault(address, { timeout: 0.3 }))).code, code);
  }
});

test("a Unix socket is connected to", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "vault-"));
  const socket = join(dir, "vault.sock");
  const server = http.createServer((incoming, outgoing) =>
    outgoing.end(JSON.stringify({ data: { path: incoming.url } })),
  );
  await once(server.listen(socket), "listening");
  t.after(async () => {
    server.close();
    await rm(dir, { recursive: true });
  });
  assert.deepEqual((await newVault(`unix://${socket}`).request(read)).data, { path: "/v1/itwin/token/viewer" });
});

test("a Vault that isn't there is named", async () => {
  const err = await failure(newVault("http://127.0.0.1:1"));
  assert.equal(err.code, "ECONNREFUSED");
  assert.match(err.message, /Vault at 127\.0\.0\.1:1 did not answer: nothing is listening there: check VAULT_ADDR/);
});

test("what may pass is tried again, as often as is said", async (t) => {
  let down = 2;
  const server = await VaultServer.start(t, () => (down-- > 0 ? { status: 503 } : { body: { data: {} } }));
  await newVault(server.address, { maxRetries: 2 }).request(read);
  assert.equal(server.seen.length, 3);
  const refusing = await answering(t, { status: 403 });
  await failure(newVault(refusing.address, { maxRetries: 2 }));
  assert.equal(refusing.seen.length, 1);
});

test("Retry-After is passed on, and holds nobody up for longer than five minutes", async (t) => {
  for (const [header, milliseconds] of [
    ["7", 7000],
    ["86400", 300_000],
    ["soon", undefined],
  ] as const) {
    const server = await answering(t, { status: 429, headers: { "Retry-After": header } });
    assert.equal((await failure(newVault(server.address))).retryAfter, milliseconds);
  }
});

test("a standby's redirect is followed to the leader, with the token, once", async (t) => {
  const leader = await answering(t, { body: { data: {} } });
  const standby = await VaultServer.start(t, ({ path }) => ({
    status: 307,
    headers: { Location: leader.address + path },
  }));
  await newVault(standby.address).request({ ...read, query: { min_ttl: "1s" } });
  assert.equal(leader.seen[0]?.headers["x-vault-token"], "hvs.canary");
  const further = await VaultServer.start(t, ({ path }) => ({
    status: 307,
    headers: { Location: standby.address + path },
  }));
  assert.match((await failure(newVault(further.address))).message, /redirect loop: check api_addr/);
});

test("a redirect to anything else is not followed", async (t) => {
  const elsewhere = await answering(t, { body: { data: {} } });
  for (const location of [
    `${elsewhere.address}/sign-in`,
    `${elsewhere.address}/token/viewer`,
    `${elsewhere.address}/v1/itwin/token/viewer?min_ttl=1`,
    "/",
    "http://",
    undefined,
  ]) {
    const gateway = await answering(t, { status: 302, headers: location === undefined ? {} : { Location: location } });
    assert.match((await failure(newVault(gateway.address))).message, /isn't a standby's/);
  }
  assert.equal(elsewhere.seen.length, 0);
});
