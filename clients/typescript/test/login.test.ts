import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { day, minute } from "../src/clock.js";
import { appRole, kubernetes, login } from "../src/login.js";
import { Vault } from "../src/vault.js";
import type { VaultAuth } from "../src/vault-auth.js";
import { resolveOptions } from "../src/vault-options.js";
import { FakeClock, until } from "./fake-clock.js";
import { type Answer, VaultServer } from "./vault-server.js";

const hour = 60 * minute;

/** A Vault whose logins live for an hour and are called 1, 2, 3… */
class Subject {
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  logins = 0;
  auth: Record<string, unknown> = { lease_duration: 3600, renewable: true };
  renewal: Answer | Promise<Answer> = { body: { auth: { client_token: "1", lease_duration: 3600, renewable: true } } };
  loginAnswer: Answer | undefined;
  server!: VaultServer;

  static async start(t: TestContext): Promise<Subject> {
    const s = new Subject();
    s.server = await VaultServer.start(t, ({ path }) => {
      if (path === "/v1/auth/token/renew-self") return s.renewal;
      if (path === "/v1/auth/token/revoke-self") return { status: 204 };
      return s.loginAnswer ?? { body: { auth: { client_token: `${++s.logins}`, ...s.auth } } };
    });
    return s;
  }

  open(auth: VaultAuth) {
    const vault = new Vault(resolveOptions({ address: this.server.address, maxRetries: 0 }, {}), this.clock);
    return auth.open({ vault, clock: this.clock, warn: (message) => void this.warnings.push(message) });
  }

  asked(path: string): number {
    return this.server.seen.filter((request) => request.path === path).length;
  }
}

const credentials = appRole({ roleId: "canary-1", secretId: () => "canary" });

test("each auth method writes what it needs to its path", async (t) => {
  const s = await Subject.start(t);
  for (const [auth, path, body] of [
    [
      appRole({ roleId: "r", secretId: async () => "s", mount: "other" }),
      "auth/other/login",
      { role_id: "r", secret_id: "s" },
    ],
    [appRole({ roleId: "r" }), "auth/approle/login", { role_id: "r" }],
    [kubernetes({ role: "app", jwt: "j" }), "auth/kubernetes/login", { role: "app", jwt: "j" }],
    [login({ path: "auth/jwt/login", body: () => ({ role: "ci" }) }), "auth/jwt/login", { role: "ci" }],
  ] as const) {
    await s.open(auth).token();
    const seen = s.server.seen.at(-1);
    assert.equal(seen?.path, `/v1/${path}`);
    assert.deepEqual(JSON.parse(seen.body), body);
    assert.equal(seen.headers["x-vault-token"], undefined);
  }
});

test("those who need a login at once share one, until it ends", async (t) => {
  const s = await Subject.start(t);
  const tokens = s.open(credentials);
  assert.deepEqual(await Promise.all([tokens.token(), tokens.token()]), ["1", "1"]);
  await s.clock.advance(hour - 1);
  assert.equal(await tokens.token(), "1");
  await s.clock.advance(1);
  assert.equal(await tokens.token(), "2");
});

test("a login in use is renewed when two thirds of it have passed", async (t) => {
  const s = await Subject.start(t);
  const tokens = s.open(credentials);
  await tokens.token();
  for (let renewals = 1; renewals <= 3; renewals++) {
    tokens.use();
    await s.clock.advance((hour * 2) / 3);
    await until(() => s.asked("/v1/auth/token/renew-self") === renewals);
    await new Promise((resolve) => setTimeout(resolve, 20)); // until the answer has been read
  }
  assert.equal(await tokens.token(), "1");
  assert.equal(s.logins, 1);
});

test("a login that nobody uses is left to end", async (t) => {
  const s = await Subject.start(t);
  await s.open(credentials).token();
  await s.clock.advance(2 * day);
  assert.equal(s.server.seen.length, 1);
});

test("a login that can't be renewed for long is replaced before it ends", async (t) => {
  for (const change of [
    (s: Subject) => (s.auth = { ...s.auth, renewable: false }),
    (s: Subject) => (s.renewal = { status: 403 }),
    (s: Subject) => (s.renewal = { body: { auth: { client_token: "1", lease_duration: 600, renewable: true } } }),
  ]) {
    const s = await Subject.start(t);
    change(s);
    const tokens = s.open(credentials);
    await tokens.token();
    tokens.use();
    await s.clock.advance((hour * 2) / 3);
    await until(() => s.logins === 2);
  }
});

test("while Vault fails, the login is kept until it ends, and renewed when Vault is back", async (t) => {
  const s = await Subject.start(t);
  const tokens = s.open(credentials);
  await tokens.token();
  tokens.use();
  const renewal = s.renewal;
  s.renewal = { status: 502 };
  await s.clock.advance((hour * 2) / 3);
  await until(() => s.warnings.length === 1);
  assert.match(s.warnings[0] ?? "", /^could not renew the login to Vault, trying again: .*502/);
  assert.equal(await tokens.token(), "1");
  s.renewal = renewal;
  await s.clock.advance(minute / 2);
  await until(() => s.asked("/v1/auth/token/renew-self") === 2);
});

test("a login that Vault rejects is given back and made anew", async (t) => {
  const s = await Subject.start(t);
  const tokens = s.open(credentials);
  const first = await tokens.token();
  assert.equal(await tokens.token(first), "2");
  assert.equal(s.asked("/v1/auth/token/revoke-self"), 1);
  assert.equal(await tokens.token(first), "2", "somebody else has replaced it meanwhile");
});

test("a renewal that ends late does not bring a replaced login back", async (t) => {
  const s = await Subject.start(t);
  const tokens = s.open(credentials);
  const first = await tokens.token();
  tokens.use();
  let release = (_: Answer) => {};
  const renewal = s.renewal;
  s.renewal = new Promise((resolve) => {
    release = resolve;
  });
  await s.clock.advance((hour * 2) / 3);
  await until(() => s.asked("/v1/auth/token/renew-self") === 1);
  assert.equal(await tokens.token(first), "2");
  release(await renewal);
  await new Promise((resolve) => setTimeout(resolve, 20)); // until the answer has been read
  assert.equal(await tokens.token(), "2");
});

test("a login that fails says so, with none of the credentials", async (t) => {
  const s = await Subject.start(t);
  for (const [answer, say] of [
    [
      { status: 400, body: { errors: ["invalid role or secret ID"] } },
      /auth\/approle\/login: Vault answered 400: invalid role or secret ID \(check the role/,
    ],
    [{ status: 400, body: { errors: ["canary is wrong"] } }, /answered 400 \(check the role/],
    [{ body: { data: {} } }, /no login: check the path/],
  ] as const) {
    s.loginAnswer = answer;
    await assert.rejects(
      s.open(credentials).token(),
      (err: Error) => say.test(err.message) && !err.message.includes("canary"),
    );
  }
});
