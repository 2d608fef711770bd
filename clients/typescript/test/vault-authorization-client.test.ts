import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect, promisify } from "node:util";
import type { AuthorizationClient } from "@itwin/core-common";
import { type Clock, second } from "../src/clock.js";
import {
  appRole,
  tokenFile,
  VaultAuthorizationClient,
  type VaultAuthorizationClientOptions,
  VaultError,
} from "../src/index.js";
import { FakeClock } from "./fake-clock.js";
import { type Answer, type Seen, tokenAnswer, VaultServer } from "./vault-server.js";

const path = "itwin/token/viewer";

class Subject {
  readonly warnings: string[] = [];

  private constructor(readonly server: VaultServer) {}

  static async start(t: TestContext, answer: (request: Seen) => Answer): Promise<Subject> {
    return new Subject(await VaultServer.start(t, answer));
  }

  client(more: Partial<VaultAuthorizationClientOptions> = {}, clock?: Clock): VaultAuthorizationClient {
    const options = {
      path,
      auth: () => "hvs.canary",
      vault: { address: this.server.address, maxRetries: 0 },
      logger: { warn: (message: string) => void this.warnings.push(message) },
      ...more,
    };
    return new VaultAuthorizationClient(options, clock);
  }
}

test("it is an AuthorizationClient of iTwin.js, whose token begins with Bearer", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("eyJ.a.b"));
  const client: AuthorizationClient = s.client();
  assert.equal(await client.getAccessToken(), "Bearer eyJ.a.b");
});

test("a path may begin and end with a slash", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("a"));
  await s.client({ path: `/${path}/` }).getAccessToken();
  assert.equal(s.server.seen[0]?.path, `/v1/${path}`);
  assert.throws(() => s.client({ path: "/" }), /path must name/);
});

test("minTtl is asked for in whole seconds", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("a"));
  const client = s.client();
  await client.getAccessToken({ minTtl: 2999.5 });
  assert.equal(s.server.seen[0]?.path, `/v1/${path}?min_ttl=3000s`);
  await assert.rejects(client.getAccessToken({ minTtl: -1 }), RangeError);
});

test("a Vault token that ends is read again from its file", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "vault-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = join(dir, "token");
  await writeFile(file, "ended\n");
  const s = await Subject.start(t, ({ headers }) => {
    return headers["x-vault-token"] === "fresh" ? tokenAnswer("a") : { status: 403 };
  });
  const clock = new FakeClock();
  const client = s.client({ auth: tokenFile(file) }, clock);
  await assert.rejects(client.getAccessToken());
  await writeFile(file, "fresh\n"); // as a Vault Agent does about then
  await clock.advance(5 * second);
  assert.equal(await client.getAccessToken(), "Bearer a");
  await assert.rejects(
    s.client({ auth: tokenFile(join(dir, "none")) }).getAccessToken(),
    /could not read .*none \(ENOENT\)/,
  );
});

test("without an auth, VAULT_TOKEN counts, then the file that vault login writes, then none", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "home-"));
  t.after(() => rm(home, { recursive: true }));
  const s = await Subject.start(t, () => tokenAnswer("a"));
  const program = `
    import { VaultAuthorizationClient } from ${JSON.stringify(new URL("../src/index.js", import.meta.url).href)};
    await new VaultAuthorizationClient({ path: "${path}" }).getAccessToken();
  `;
  const run = (more: NodeJS.ProcessEnv) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
      env: { VAULT_ADDR: s.server.address, HOME: home, ...more },
    });
  await run({});
  await writeFile(join(home, ".vault-token"), "file\n");
  await run({});
  await run({ VAULT_TOKEN: "variable" });
  assert.deepEqual(
    s.server.seen.map(({ headers }) => headers["x-vault-token"]),
    [undefined, "file", "variable"],
  );
});

test("a refusal reaches Vault once, unless there is another Vault token", async (t) => {
  const s = await Subject.start(t, () => ({ status: 403 }));
  await assert.rejects(s.client().getAccessToken(), (err) => err instanceof VaultError && err.status === 403);
  assert.equal(s.server.seen.length, 1);
  let issued = 0;
  await assert.rejects(s.client({ auth: () => `${++issued}` }).getAccessToken());
  assert.equal(s.server.seen.length, 3);
});

test("what Vault warns of reaches the logger, in the same words once", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("canary", { warnings: ["IMS is down\nsince 10:00", "and slow"] }));
  const client = s.client();
  await client.getAccessToken({ minTtl: 1 });
  await client.getAccessToken({ minTtl: 3601 });
  assert.deepEqual(s.warnings, [`${path}: IMS is down since 10:00; and slow`]);
});

test("a warning that repeats the token is dropped", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("canary", { warnings: ["the token is canary"] }));
  await s.client().getAccessToken();
  assert.deepEqual(s.warnings, []);
});

test("an error without a token reaches the logger as well, as IModelHost keeps it to itself", async (t) => {
  const s = await Subject.start(t, () => ({ status: 403 }));
  await assert.rejects(s.client().getAccessToken());
  assert.match(s.warnings.join(), /^no access token: itwin\/token\/viewer: Vault answered 403/);
});

test("a logger that throws keeps nobody from a token", async (t) => {
  const s = await Subject.start(t, () => tokenAnswer("a", { warnings: ["IMS is down"] }));
  const logger = { warn: () => assert.fail("disk full") };
  assert.equal(await s.client({ logger }).getAccessToken(), "Bearer a");
});

test("an answer without a token says that the path is another engine's", async (t) => {
  const s = await Subject.start(t, ({ path }) =>
    path.endsWith("kv") ? { body: { data: { password: "canary" } } } : tokenAnswer("two words"),
  );
  for (const other of ["kv", "token"])
    await assert.rejects(s.client({ path: other }).getAccessToken(), (err: Error) => {
      return (
        /no access token: is that a path of the iTwin secrets engine/.test(err.message) &&
        !inspect(err).includes("canary")
      );
    });
});

test("times count by Vault's clock, whatever this machine's says", async (t) => {
  const shift = 3 * 3600;
  const s = await Subject.start(t, () => {
    const answer = tokenAnswer("a");
    (answer.body as { data: { expires_at_unix: number } }).data.expires_at_unix -= shift;
    return { ...answer, headers: { Date: new Date(Date.now() - shift * 1000).toUTCString() } };
  });
  const client = s.client();
  await client.getAccessToken();
  await client.getAccessToken({ minTtl: 3590 });
  assert.equal(s.server.seen.length, 1, "it has an hour left");
});

test("no token and no credential shows when a client or an error is printed", async (t) => {
  let status = 200;
  const auth = appRole({ roleId: "canary", secretId: "canary" });
  const s = await Subject.start(t, ({ path }) => {
    if (path.startsWith("/v1/auth")) return { body: { auth: { client_token: "canary", lease_duration: 3600 } } };
    return { ...tokenAnswer("canary"), status };
  });
  const client = s.client({ auth });
  assert.equal(await client.getAccessToken(), "Bearer canary");
  status = 500;
  const err = await client.getAccessToken({ minTtl: 3601 }).catch((reason: unknown) => reason);
  assert.ok(err instanceof VaultError);
  for (const value of [client, auth, err])
    assert.doesNotMatch(
      inspect(value, { showHidden: true, depth: null, getters: true }) + JSON.stringify(value),
      /canary/,
    );
});

test("a process that is done ends, whatever goes on in the background", async (t) => {
  let reads = 0;
  const s = await Subject.start(t, () => {
    const answer = tokenAnswer("a");
    (answer.body as { data: { ttl: number } }).data.ttl = 1;
    return ++reads > 1 ? {} : answer; // the second read hangs
  });
  const program = `
    import { VaultAuthorizationClient } from ${JSON.stringify(new URL("../src/index.js", import.meta.url).href)};
    const client = new VaultAuthorizationClient({ path: "${path}", auth: () => "x" });
    await client.getAccessToken();
    await new Promise((resolve) => setTimeout(resolve, 1100));
    console.log(await client.getAccessToken());
  `;
  const began = Date.now();
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    env: { VAULT_ADDR: s.server.address },
  });
  assert.equal(stdout, "Bearer a\n");
  assert.equal(reads, 2);
  assert.ok(Date.now() - began < 10_000, "it waited for the answer");
});
