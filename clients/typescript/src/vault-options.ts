import { second } from "./clock.js";

/** Where Vault is. An option that isn't given comes from the variable that Vault's own clients read. */
export interface VaultOptions {
  /** Such as https://vault.example.com:8200 or unix:///run/vault.sock. VAULT_AGENT_ADDR, VAULT_ADDR. */
  address?: string;
  /** VAULT_NAMESPACE. */
  namespace?: string;
  /** The CAs to trust instead of Node's, as PEM. VAULT_CACERT_BYTES. */
  caCert?: string;
  /** The same as a file, which is read for each connection. VAULT_CACERT. */
  caCertFile?: string;
  /** The same as a folder of files. VAULT_CAPATH. */
  caPath?: string;
  /** The client certificate to present to Vault, as a PEM file. VAULT_CLIENT_CERT. */
  clientCertFile?: string;
  /** Its key, as a PEM file. VAULT_CLIENT_KEY. */
  clientKeyFile?: string;
  /** The name that Vault's certificate must have. By default it is the address's host. VAULT_TLS_SERVER_NAME. */
  tlsServerName?: string;
  /** True to accept any certificate, for tests only. VAULT_SKIP_VERIFY. */
  skipVerify?: boolean;
  /** How many seconds Vault may take for one answer; 60 by default. VAULT_CLIENT_TIMEOUT. */
  timeout?: number;
  /** How many times to retry a request that got no answer, or a 412, 500 or 503; 2 by default. VAULT_MAX_RETRIES. */
  maxRetries?: number;
}

/** The options once the environment and the defaults have filled them in. The timeout is in milliseconds. */
export interface VaultSettings extends Omit<VaultOptions, "address"> {
  readonly url: URL;
  /** In place of the URL's host and port. */
  readonly socketPath?: string;
  readonly skipVerify: boolean;
  readonly timeout: number;
  readonly maxRetries: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Throws an Error that names the option or variable that can't be used. */
export function resolveOptions(given: VaultOptions, env: Environment): VaultSettings {
  refuseProxies(env);
  const text = (option: string | undefined, ...names: string[]) =>
    option ?? names.map((name) => env[name]).find((value) => value);
  return {
    ...parseAddress(text(given.address, "VAULT_AGENT_ADDR", "VAULT_ADDR") ?? "https://127.0.0.1:8200"),
    ...defined({
      namespace: text(given.namespace, "VAULT_NAMESPACE"),
      caCert: text(given.caCert, "VAULT_CACERT_BYTES"),
      caCertFile: text(given.caCertFile, "VAULT_CACERT"),
      caPath: text(given.caPath, "VAULT_CAPATH"),
      clientCertFile: text(given.clientCertFile, "VAULT_CLIENT_CERT"),
      clientKeyFile: text(given.clientKeyFile, "VAULT_CLIENT_KEY"),
      tlsServerName: text(given.tlsServerName, "VAULT_TLS_SERVER_NAME"),
    }),
    skipVerify: given.skipVerify ?? parseBoolean("VAULT_SKIP_VERIFY", env),
    timeout: seconds("VAULT_CLIENT_TIMEOUT", given.timeout ?? parseDuration(env.VAULT_CLIENT_TIMEOUT)) ?? 60 * second,
    maxRetries: count("VAULT_MAX_RETRIES", given.maxRetries ?? env.VAULT_MAX_RETRIES) ?? 2,
  };
}

/** A request that bypassed a configured proxy would be a surprise, or would never arrive. */
function refuseProxies(env: Environment): void {
  for (const name of ["VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY"])
    if (env[name]) throw new Error(`${name} is set, but this client can't use a proxy: unset it, or run a Vault Proxy`);
}

function parseAddress(address: string): Pick<VaultSettings, "url" | "socketPath"> {
  if (address.startsWith("unix://"))
    return { url: new URL("http://localhost"), socketPath: address.slice("unix://".length) };
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new Error("the address of Vault (VAULT_ADDR) must be a URL such as https://vault.example.com:8200");
  return { url };
}

/** Accepts what Go's strconv.ParseBool accepts. */
function parseBoolean(name: string, env: Environment): boolean {
  const value = env[name] ?? "";
  if (/^(|0|f|F|false|False|FALSE)$/.test(value)) return false;
  if (/^(1|t|T|true|True|TRUE)$/.test(value)) return true;
  throw new Error(`${name} must be true or false`);
}

const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** The seconds in a Go duration, such as 90, 90s or 1m30s; NaN if it isn't one. */
function parseDuration(text: string | undefined): number | undefined {
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) sum += Number(amount) * (units[unit ?? ""] ?? 0);
  return sum;
}

/** In milliseconds. Node's timers can't wait for longer than a few weeks. */
function seconds(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value > 0 && value <= 86_400) return value * second;
  throw new Error(`the timeout (${name}) must be a duration such as 60s, of at most 24h`);
}

function count(name: string, value: number | string | undefined): number | undefined {
  if (value === undefined || value === "") return undefined;
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new Error(`the number of retries (${name}) must be 0 or more`);
}

/** The object without its undefined values, so that these don't count as given. */
function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
