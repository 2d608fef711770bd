// Needs a Vault with the role viewer: VAULT_ADDR and VAULT_TOKEN; and the Platform at ITWIN_API_URL.
import assert from "node:assert/strict";
import { test } from "node:test";
import { VaultAuthorizationClient, type VaultAuthorizationClientOptions } from "../src/vault-authorization-client.js";

const env = (name: string): string => {
  const value = process.env[name];
  assert.ok(value, `${name} is not set`);
  return value;
};

const minute = 60_000;

const newClient = (more: Partial<VaultAuthorizationClientOptions> = {}) =>
  new VaultAuthorizationClient({
    vaultAddr: env("VAULT_ADDR"),
    vaultToken: () => env("VAULT_TOKEN"),
    path: "itwin/token/viewer",
    ...more,
  });

/** Mints a new token, which every reader gets at its next read. */
const rotate = async () => {
  const response = await fetch(`${env("VAULT_ADDR")}/v1/itwin/rotate/viewer`, {
    method: "PUT",
    headers: { "X-Vault-Token": env("VAULT_TOKEN") },
  });
  assert.ok(response.ok, `rotate: ${response.status}`);
};

test("the Platform takes what getAccessToken returns as its Authorization header", async () => {
  const Authorization = await newClient().getAccessToken();
  assert.match(Authorization, /^Bearer \S+$/);
  const response = await fetch(`${env("ITWIN_API_URL")}/users/me`, {
    headers: { Authorization, Accept: "application/vnd.bentley.itwin-platform.v1+json" },
  });
  assert.equal(response.status, 200);
});

test("the token is read again at its ttl and not before", async () => {
  let passed = 0;
  const client = newClient({ now: () => Date.now() + passed });
  const first = await client.getAccessToken();
  await rotate();
  assert.equal(await client.getAccessToken(), first, "read again although nothing was due");
  passed = 40 * minute;
  assert.notEqual(await client.getAccessToken(), first, "not read again although it was due");
});

test("calls that come together share one read", async () => {
  let reads = 0;
  const client = newClient({
    vaultToken: () => {
      reads++;
      return env("VAULT_TOKEN");
    },
  });
  const tokens = await Promise.all(Array.from({ length: 20 }, async () => client.getAccessToken()));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(reads, 1);
});

test("a refusal is an error that names the path and not the Vault token, and the next call reads again", async () => {
  let vaultToken = "canary";
  const client = newClient({ vaultToken: () => vaultToken });
  await assert.rejects(client.getAccessToken(), (err: Error) => {
    assert.equal(err.message, "reading itwin/token/viewer: Vault answered 403");
    return true;
  });
  vaultToken = env("VAULT_TOKEN");
  assert.match(await client.getAccessToken(), /^Bearer /);
});

test("while Vault fails, the previous token is used until it expires", async () => {
  await rotate();
  let passed = 0;
  let vaultToken = env("VAULT_TOKEN");
  const client = newClient({ vaultToken: () => vaultToken, now: () => Date.now() + passed });
  const first = await client.getAccessToken();
  vaultToken = "canary";
  passed = 40 * minute;
  assert.equal(await client.getAccessToken(), first);
  passed = 61 * minute;
  await assert.rejects(client.getAccessToken());
});
