/** Why a token could not be read. Its text says what to do, and never contains a token or another credential. */
export class VaultError extends Error {
  override readonly name = "VaultError";
  /** Vault's HTTP status, if Vault answered. */
  declare readonly status?: number;
  /** Node's code for the failure, such as ECONNREFUSED, if Vault did not answer. */
  declare readonly code?: string;
  /** How many milliseconds Vault asks clients to wait (RFC 9110, Retry-After). */
  declare readonly retryAfter?: number;

  constructor(message: string, details: Pick<VaultError, "status" | "code" | "retryAfter"> = {}) {
    super(message);
    Object.assign(this, details);
  }
}

const longestText = 1000;

/**
 * Text from Vault on one line, because control characters could forge log lines. Empty if it repeats a secret.
 */
export function quote(text: string, secrets: readonly string[]): string {
  if (secrets.some((secret) => secret !== "" && text.includes(secret))) return "";
  return text
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .trim()
    .slice(0, longestText);
}

/** What to do, by Vault's status. 400, 429, 502 and 504 come from the secrets engine, whose text says it better. */
function advice(status: number, path: string): string {
  const isLogin = path.startsWith("auth/");
  if (isLogin && [400, 403].includes(status)) return "check the role of the auth method, and the credentials";
  switch (status) {
    case 403:
      return `the Vault token is missing or has expired, or no policy grants it "read" on ${path}`;
    case 404:
      return `nothing is there: check the mount and the role in the path, and the namespace`;
    case 412:
      return "this node lags behind the others: try again";
    case 429:
      return "too many requests: try again later";
    case 472:
    case 473:
      return "this node can't serve reads: address the active one";
    case 500:
      return "Vault failed: its server log says why";
    case 503:
      return "Vault is sealed, or has no leader yet: unseal it, or try again";
    default:
      return "";
  }
}

/** The error for an unsuccessful answer from Vault. */
export function refusal(
  path: string,
  status: number,
  texts: readonly string[],
  secrets: readonly string[],
  retryAfter: number | undefined,
): VaultError {
  const reason = quote(texts.join("; "), secrets);
  const hint = advice(status, path);
  const message = `${path}: Vault answered ${status}${reason && `: ${reason}`}${hint && ` (${hint})`}`;
  return new VaultError(message, retryAfter === undefined ? { status } : { status, retryAfter });
}

/** What to do when there was no answer, by Node's code. */
function remedy(code: string): string {
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host doesn't resolve: check VAULT_ADDR";
    case "ECONNREFUSED":
    case "ENOENT":
      return "nothing is listening there: check VAULT_ADDR, and that Vault is running";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return "its certificate comes from an unknown authority: set VAULT_CACERT to that authority's certificate";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "its certificate is for another host: set VAULT_TLS_SERVER_NAME to the name in the certificate";
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired";
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "EPROTO":
      return "that is not TLS: does VAULT_ADDR have to begin with http://?";
    case "HPE_INVALID_CONSTANT":
      return "that is not HTTP: does VAULT_ADDR have to begin with https://?";
    case "ETIMEDOUT":
      return "no answer in time: check the network, or raise VAULT_CLIENT_TIMEOUT";
    default:
      return "the connection failed";
  }
}

/** The error for a request that got no answer. Only the cause's code is kept: its text may quote what was sent. */
export function noAnswer(path: string, address: string, code: string): VaultError {
  return new VaultError(`${path}: Vault at ${address} did not answer: ${remedy(code)} (${code})`, { code });
}

/** Node's code for an error. */
export function codeOf(err: unknown): string {
  const code = err instanceof Error && "code" in err ? err.code : undefined;
  return typeof code === "string" ? code : "unknown";
}
