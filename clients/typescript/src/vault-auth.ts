import { homedir } from "node:os";
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { readText } from "./files.js";
import type { Vault } from "./vault.js";
import { VaultError } from "./vault-error.js";

/** A secret as a string, or what supplies it each time it is needed: a function, or the path of a file. */
export type Credential = string | (() => string | Promise<string>) | { readonly file: string };

/** How a backend authenticates to Vault. Create one with environment, tokenFile, kubernetes, appRole or login. */
export interface VaultAuth {
  /** Called by the client, once. */
  open(context: AuthContext): VaultTokens;
}

/** What a client provides to its VaultAuth. */
export interface AuthContext {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

/** The Vault tokens of one client. */
export interface VaultTokens {
  /** The token to use now, or "" for none; rejected is one that Vault has just answered with 403. */
  token(rejected?: string): Promise<string>;
  /** Reports that the client is in use, so that its login is worth renewing. */
  use(): void;
}

/** VAULT_TOKEN or, without it, the file ~/.vault-token that `vault login` writes; else none, as for a Vault Proxy. */
export function environment(): VaultAuth {
  return fromSupply(async () => {
    const token = process.env.VAULT_TOKEN;
    if (token) return token;
    return readText(join(homedir(), ".vault-token")).catch(() => "");
  });
}

/** A file that another process keeps up to date, such as the sink of a Vault Agent. It is read before each request. */
export function tokenFile(path: string): VaultAuth {
  return fromSupply(() => readText(path));
}

/** A function of the caller's, called before each request. */
export function fromSupply(supply: () => string | Promise<string>): VaultAuth {
  const tokens: VaultTokens = { token: async () => checkToken(await supply()), use: () => {} };
  return { open: () => tokens };
}

/** The current value of a credential. */
export async function resolve(credential: Credential): Promise<string> {
  if (typeof credential === "string") return credential;
  return typeof credential === "function" ? credential() : readText(credential.file);
}

/** Node's own error for a header that can't be sent wouldn't say where the token came from. */
export function checkToken(token: unknown): string {
  const text = typeof token === "string" ? token.trim() : "\n";
  if (/^[\x21-\x7e]*$/.test(text)) return text;
  throw new VaultError("the Vault token is not printable ASCII: check where it comes from");
}
