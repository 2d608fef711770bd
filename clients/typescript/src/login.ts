import { type Clock, day, elapsed, type Moment, minute, now, second } from "./clock.js";
import type { Vault, VaultAnswer, VaultRequest } from "./vault.js";
import {
  type AuthContext,
  type Credential,
  checkToken,
  resolve,
  type VaultAuth,
  type VaultTokens,
} from "./vault-auth.js";
import { VaultError } from "./vault-error.js";

export interface KubernetesOptions {
  /** The role of Vault's Kubernetes auth method. */
  role: string;
  /** Where that method is mounted; "kubernetes" by default. */
  mount?: string;
  /** The pod's token; by default the file that Kubernetes keeps in every pod. */
  jwt?: Credential;
}

export interface AppRoleOptions {
  roleId: Credential;
  /** Not needed by a role with bind_secret_id=false. */
  secretId?: Credential;
  /** Where the AppRole auth method is mounted; "approle" by default. */
  mount?: string;
}

export interface LoginOptions {
  /** The path to write to, such as auth/jwt/login. */
  path: string;
  /** What to write there; called for each login. */
  body: () => Record<string, string> | Promise<Record<string, string>>;
}

/** Logs in with the pod's service account. */
export function kubernetes({ role, mount = "kubernetes", jwt = podToken }: KubernetesOptions): VaultAuth {
  return login({ path: `auth/${mount}/login`, body: async () => ({ role, jwt: await resolve(jwt) }) });
}

const podToken: Credential = { file: "/var/run/secrets/kubernetes.io/serviceaccount/token" };

/** Logs in with an AppRole. */
export function appRole({ roleId, secretId, mount = "approle" }: AppRoleOptions): VaultAuth {
  return login({
    path: `auth/${mount}/login`,
    body: async () => ({
      role_id: await resolve(roleId),
      ...(secretId !== undefined && { secret_id: await resolve(secretId) }),
    }),
  });
}

/** Logs in with any auth method that takes string fields, such as JWT. Each client has a login of its own. */
export function login(options: LoginOptions): VaultAuth {
  const { path, body } = options;
  return { open: (context) => new Login(context, async () => ({ method: "POST", path, body: await body() })) };
}

/** A Vault token as an auth method returned it. */
interface Held {
  readonly token: string;
  readonly since: Moment;
  /** In milliseconds; 0 for a token that doesn't expire. */
  readonly lease: number;
  readonly renewable: boolean;
}

/** The fraction of a lease after which it is renewed; the same as in Vault's own clients. */
const renewAfter = 2 / 3;

/** Logs in when needed, and renews the login while the client is in use. */
class Login implements VaultTokens {
  readonly #vault: Vault;
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  readonly #request: () => Promise<VaultRequest>;
  #held: Held | undefined;
  #loggingIn: Promise<Held> | undefined;
  #used = false;
  #cancel = () => {};

  constructor({ vault, clock, warn }: AuthContext, request: () => Promise<VaultRequest>) {
    this.#vault = vault;
    this.#clock = clock;
    this.#warn = warn;
    this.#request = request;
  }

  use(): void {
    this.#used = true;
  }

  async token(rejected?: string): Promise<string> {
    const held = this.#held;
    if (held && held.token !== rejected && this.#isLive()) return held.token;
    return (await this.#logInOnce(rejected)).token;
  }

  /** In milliseconds. */
  #left(): number {
    if (!this.#held) return 0;
    const { lease, since } = this.#held;
    return lease === 0 ? Number.POSITIVE_INFINITY : lease - elapsed(this.#clock, since);
  }

  #isLive(): boolean {
    return this.#left() > 0;
  }

  #logInOnce(rejected?: string): Promise<Held> {
    this.#loggingIn ??= this.#logIn(rejected).finally(() => (this.#loggingIn = undefined));
    return this.#loggingIn;
  }

  async #logIn(rejected?: string): Promise<Held> {
    // If the policy is at fault, each attempt would leave another live token behind.
    if (rejected) await this.#revoke(rejected);
    const since = now(this.#clock);
    const request = await this.#request();
    const { role: _, ...secret } = request.body ?? {};
    const answer = await this.#vault.request({ ...request, secrets: Object.values(secret) });
    return this.#keep(parseLogin(request.path, answer, since));
  }

  /** Fails if the token has already expired, which doesn't matter. */
  async #revoke(token: string): Promise<void> {
    await this.#vault.request({ method: "POST", path: "auth/token/revoke-self", token }).catch(() => {});
  }

  #keep(held: Held): Held {
    this.#held = held;
    if (held.lease > 0) this.#prolongIn(Math.min(held.lease * renewAfter, day));
    return held;
  }

  /** A login that nobody has used since it was last renewed is left to expire. */
  #prolongIn(delay: number): void {
    this.#cancel();
    this.#used = false;
    this.#cancel = this.#clock.after(delay, () => {
      if (this.#used) void this.#prolong();
    });
  }

  async #prolong(): Promise<void> {
    try {
      if (!(await this.#renew())) await this.#logInOnce();
    } catch (err) {
      this.#warn(`could not renew the login to Vault, trying again: ${err instanceof Error ? err.message : "unknown"}`);
      this.#prolongIn(this.#retryDelay());
      this.#used = this.#isLive(); // it was, before the attempt
    }
  }

  #retryDelay(): number {
    return Math.min(Math.max(this.#left() / 3, second), minute / 2);
  }

  /** Reports whether the login was renewed for long enough: near its maximum TTL, Vault extends it less and less. */
  async #renew(): Promise<boolean> {
    const held = this.#held;
    if (!held?.renewable || !this.#isLive()) return false;
    const since = now(this.#clock);
    const request: VaultRequest = { method: "POST", path: "auth/token/renew-self", token: held.token };
    try {
      const renewed = parseLogin(request.path, await this.#vault.request(request), since);
      if (renewed.lease < held.lease * renewAfter) return false;
      if (this.#held === held) this.#keep(renewed);
      return true;
    } catch (err) {
      if (err instanceof VaultError && (err.status === 400 || err.status === 403)) return false;
      throw err;
    }
  }
}

function parseLogin(path: string, { auth }: VaultAnswer, since: Moment): Held {
  const { client_token: token, lease_duration: lease, renewable } = auth;
  if (typeof token !== "string" || token === "" || typeof lease !== "number" || !(lease >= 0))
    throw new VaultError(`${path}: Vault's answer has no login: check the path of the auth method`, { status: 200 });
  return { token: checkToken(token), since, lease: lease * second, renewable: renewable === true };
}
