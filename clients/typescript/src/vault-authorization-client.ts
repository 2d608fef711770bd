import { type AccessToken, parseAccessToken } from "./access-token.js";
import { type Clock, now, second, systemClock } from "./clock.js";
import { TokenLife } from "./token-life.js";
import { Vault, type VaultAnswer, type VaultRequest } from "./vault.js";
import { environment, fromSupply, type VaultAuth, type VaultTokens } from "./vault-auth.js";
import { quote, VaultError } from "./vault-error.js";
import { resolveOptions, type VaultOptions } from "./vault-options.js";

/** Where warnings go, such as console. */
export interface Logger {
  warn(message: string): void;
}

export interface VaultAuthorizationClientOptions {
  /** The path to read, such as itwin/token/viewer. */
  path: string;
  /** How to authenticate to Vault, or a function that returns a Vault token; environment() by default. */
  auth?: VaultAuth | (() => string | Promise<string>);
  /** Where Vault is; by default what VAULT_ADDR and the other variables of Vault's own clients say. */
  vault?: VaultOptions;
  /** Receives Vault's warnings, and why there is no new token; by default process.emitWarning. */
  logger?: Logger;
}

export interface GetAccessTokenOptions {
  /** How many seconds the token must have left, for a job that can't ask again: up to 90 % of a token's life. */
  minTtl?: number;
}

/**
 * Gets the access token of an iTwin.js backend from a Vault with vault-plugin-secrets-itwin. Implements the
 * AuthorizationClient of @itwin/core-common. Its timers and connections don't keep a process alive.
 */
export class VaultAuthorizationClient {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #vault: Vault;
  readonly #tokens: VaultTokens;
  readonly #life: TokenLife;
  #lastWarning = "";

  /** Throws an Error if an option, or the variable for one, can't be used. Makes no connection yet. */
  constructor(options: VaultAuthorizationClientOptions);
  /** @internal */
  constructor(options: VaultAuthorizationClientOptions, clock?: Clock);
  constructor(
    { path, auth = environment(), vault = {}, logger = nodeWarnings }: VaultAuthorizationClientOptions,
    clock = systemClock,
  ) {
    this.#path = path.replace(/^\/+|\/+$/g, "");
    if (this.#path === "") throw new Error("path must name what to read in Vault, such as itwin/token/viewer");
    this.#clock = clock;
    this.#logger = logger;
    this.#vault = new Vault(resolveOptions(vault, process.env), clock);
    const warn = (message: string) => this.#warn(message);
    this.#tokens = (typeof auth === "function" ? fromSupply(auth) : auth).open({ vault: this.#vault, clock, warn });
    this.#life = new TokenLife((minTtl) => this.#read(minTtl), clock, warn);
  }

  /**
   * Returns the token with "Bearer " in front, as iTwin.js copies it into the Authorization header. Call it for each
   * request: it returns the token from memory, and reads Vault only when a new one is due. Throws a VaultError if there
   * is no valid token.
   */
  async getAccessToken({ minTtl = 0 }: GetAccessTokenOptions = {}): Promise<string> {
    if (!(minTtl >= 0)) throw new RangeError("minTtl must be a number of seconds");
    this.#tokens.use();
    return (await this.#life.get(minTtl * second)).header();
  }

  async #read(minTtl: number): Promise<AccessToken> {
    const asked = now(this.#clock);
    const request: VaultRequest = { method: "GET", path: this.#path };
    const answer = await this.#authorized(
      minTtl > 0 ? { ...request, query: { min_ttl: `${Math.ceil(minTtl / second)}s` } } : request,
    );
    const token = parseAccessToken(this.#path, answer, asked);
    const warning = quote(answer.warnings.join("; "), [String(answer.data.access_token)]);
    this.#warn(warning && `${this.#path}: ${warning}`);
    return token;
  }

  /** Vault also answers 403 if the Vault token has expired: if there is a new one by now, the request is repeated. */
  async #authorized(request: VaultRequest): Promise<VaultAnswer> {
    const token = await this.#tokens.token();
    try {
      return await this.#vault.request({ ...request, token });
    } catch (err) {
      if (!(err instanceof VaultError) || err.status !== 403) throw err;
      const other = await this.#tokens.token(token);
      if (other === token) throw err;
      return this.#vault.request({ ...request, token: other });
    }
  }

  /** In an outage, every read warns with the same text, and once is enough. "" ends the outage. */
  #warn(message: string): void {
    if (message === this.#lastWarning) return;
    this.#lastWarning = message;
    if (message === "") return;
    try {
      this.#logger.warn(message);
    } catch {
      // A failing logger is no reason to be without a token.
    }
  }
}

const nodeWarnings: Logger = { warn: (message) => process.emitWarning(message, "VaultAuthorizationWarning") };
