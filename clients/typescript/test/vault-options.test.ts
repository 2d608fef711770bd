import assert from "node:assert/strict";
import { test } from "node:test";
import { resolveOptions } from "../src/vault-options.js";

test("without anything, the defaults are those of Vault's clients", () => {
  const { url, ...rest } = resolveOptions({}, {});
  assert.equal(url.href, "https://127.0.0.1:8200/");
  assert.deepEqual(rest, { skipVerify: false, timeout: 60_000, maxRetries: 2 });
});

test("the variables of Vault's clients are read, and options win", () => {
  const env = {
    VAULT_ADDR: "https://vault.example.com:8200",
    VAULT_NAMESPACE: "team",
    VAULT_CACERT: "/ca.pem",
    VAULT_CACERT_BYTES: "PEM",
    VAULT_CAPATH: "/ca",
    VAULT_CLIENT_CERT: "/cert.pem",
    VAULT_CLIENT_KEY: "/key.pem",
    VAULT_TLS_SERVER_NAME: "vault",
    VAULT_SKIP_VERIFY: "true",
    VAULT_CLIENT_TIMEOUT: "1m30s",
    VAULT_MAX_RETRIES: "0",
  };
  const { url, ...rest } = resolveOptions({ timeout: 5, namespace: "" }, env);
  assert.equal(url.host, "vault.example.com:8200");
  assert.deepEqual(rest, {
    namespace: "",
    caCert: "PEM",
    caCertFile: "/ca.pem",
    caPath: "/ca",
    clientCertFile: "/cert.pem",
    clientKeyFile: "/key.pem",
    tlsServerName: "vault",
    skipVerify: true,
    timeout: 5000,
    maxRetries: 0,
  });
  assert.equal(resolveOptions({}, env).timeout, 90_000);
  assert.equal(resolveOptions({}, { ...env, VAULT_AGENT_ADDR: "http://127.0.0.1:8100" }).url.port, "8100");
});

test("a Unix socket is reached by its path", () => {
  assert.equal(resolveOptions({ address: "unix:///run/vault.sock" }, {}).socketPath, "/run/vault.sock");
});

test("what can't be used is named", () => {
  for (const [env, name] of [
    [{ VAULT_ADDR: "vault:8200" }, /VAULT_ADDR/],
    [{ VAULT_ADDR: "https://me:canary@vault:8200" }, /VAULT_ADDR/],
    [{ VAULT_SKIP_VERIFY: "yes" }, /VAULT_SKIP_VERIFY/],
    [{ VAULT_CLIENT_TIMEOUT: "soon" }, /VAULT_CLIENT_TIMEOUT/],
    [{ VAULT_CLIENT_TIMEOUT: "0" }, /VAULT_CLIENT_TIMEOUT/],
    [{ VAULT_MAX_RETRIES: "-1" }, /VAULT_MAX_RETRIES/],
    [{ VAULT_PROXY_ADDR: "http://proxy:3128" }, /VAULT_PROXY_ADDR/],
  ] as const)
    assert.throws(
      () => resolveOptions({}, env),
      (err: Error) => name.test(err.message) && !err.message.includes("canary"),
    );
});
