import type { AuthorizationClient } from "@itwin/core-common";

export interface VaultAuthorizationClientOptions {
  /** Where Vault is, such as https://vault.example.com:8200. */
  vaultAddr: string;
  /** A Vault token that may read the path; a function, as Vault tokens are renewed and replaced. */
  vaultToken: () => string | Promise<string>;
  /** The path to read, such as itwin/token/viewer. */
  path: string;
  /** The time in milliseconds; Date.now by default. */
  now?: () => number;
}

/** What Vault answers, as far as it is needed here. */
interface TokenAnswer {
  data: { access_token: string; expires_at_unix: number; ttl: number };
}

/** A token with "Bearer " before it. Times are in milliseconds. */
interface Current {
  header: string;
  readAgainAt: number;
  expiresAt: number;
}

/** How long to leave Vault alone after a failed read, in milliseconds. */
const retryAfter = 5_000;

/**
 * Gets the access token of an iTwin.js backend from Vault, as in
 * `IModelHost.startup({ authorizationClient: new VaultAuthorizationClient({ … }) })`.
 */
export class VaultAuthorizationClient implements AuthorizationClient {
  private current?: Current;
  private reading?: Promise<Current>;
  private readonly now: () => number;

  public constructor(private readonly options: VaultAuthorizationClientOptions) {
    this.now = options.now ?? Date.now;
  }

  /** The token with "Bearer " before it, as iTwin.js puts it into the Authorization header unchanged. */
  public async getAccessToken(): Promise<string> {
    if (this.current && this.now() < this.current.readAgainAt)
      return this.current.header;

    // iTwin.js asks before every request: those that come together share one read.
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    this.current = await this.reading.catch((err: unknown) => this.keepCurrent(err));
    return this.current.header;
  }

  private async read(): Promise<Current> {
    const asked = this.now();
    const response = await fetch(`${this.options.vaultAddr}/v1/${this.options.path}`, {
      headers: { "X-Vault-Request": "true", "X-Vault-Token": await this.options.vaultToken() },
      redirect: "error",
      signal: AbortSignal.timeout(15_000),
    });
    if (!response.ok)
      throw new Error(`reading ${this.options.path}: Vault answered ${response.status}`);

    const { data } = (await response.json()) as TokenAnswer;
    return {
      header: `Bearer ${data.access_token}`,
      readAgainAt: asked + data.ttl * 1000,
      expiresAt: data.expires_at_unix * 1000,
    };
  }

  /** Vault may be away for a while: the previous token is good for half an hour more, as a rule. */
  private keepCurrent(err: unknown): Current {
    if (!this.current || this.now() >= this.current.expiresAt)
      throw err;
    return { ...this.current, readAgainAt: this.now() + retryAfter };
  }
}
