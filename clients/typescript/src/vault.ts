import { type Clock, minute, second, sleep } from "./clock.js";
import { type HttpRequest, type HttpResponse, send } from "./transport.js";
import { codeOf, noAnswer, refusal, VaultError } from "./vault-error.js";
import type { VaultSettings } from "./vault-options.js";

export interface VaultRequest {
  readonly method: "GET" | "POST";
  /** Below /v1/, such as itwin/token/viewer. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string>>;
  /** The Vault token; without one, a Vault Proxy adds its own. */
  readonly token?: string;
  /** Other values sent that must not show up in an error. */
  readonly secrets?: readonly string[];
}

/** A successful answer from Vault. Its contents haven't been checked yet. */
export interface VaultAnswer {
  readonly data: Readonly<Record<string, unknown>>;
  readonly auth: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
  /** The time on Vault's clock, in milliseconds since 1970, if the answer states it. */
  readonly serverTime: number | undefined;
}

/** Sends requests to one Vault. */
export class Vault {
  readonly #settings: VaultSettings;
  readonly #clock: Clock;

  constructor(settings: VaultSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Throws a VaultError unless the request succeeds. Retries a request that may succeed a moment later. */
  async request(request: VaultRequest): Promise<VaultAnswer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(request);
      } catch (err) {
        if (attempt > this.#settings.maxRetries || !mayPass(err)) throw err;
        // As long as Vault's own clients wait: 1 s to 1.5 s, times the number of the attempt.
        await sleep(this.#clock, attempt * second * (1 + Math.random() / 2));
      }
    }
  }

  async #attempt(request: VaultRequest): Promise<VaultAnswer> {
    const first = this.#httpRequest(request);
    let response = await this.#send(request.path, first);
    if (isRedirect(response.status))
      response = await this.#send(request.path, redirected(request.path, first, response));
    if (isRedirect(response.status))
      throw new VaultError(`${request.path}: redirect loop: check api_addr in Vault's configuration`, {
        status: response.status,
      });
    return parse(request, response);
  }

  #httpRequest({ method, path, query, body, token }: VaultRequest): HttpRequest {
    const { url: base, namespace, socketPath } = this.#settings;
    const url = new URL(base);
    url.pathname = `${base.pathname.replace(/\/+$/, "")}/v1/${path}`;
    url.search = new URLSearchParams(query).toString();
    return {
      method,
      url,
      headers: {
        Accept: "application/json",
        "X-Vault-Request": "true",
        ...(token && { "X-Vault-Token": token }),
        ...(namespace && { "X-Vault-Namespace": namespace }),
        ...(body && { "Content-Type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      ...(socketPath && { socketPath }),
    };
  }

  async #send(path: string, request: HttpRequest): Promise<HttpResponse> {
    try {
      return await send(request, this.#settings);
    } catch (err) {
      if (err instanceof VaultError) throw err;
      throw noAnswer(path, request.socketPath ?? request.url.host, codeOf(err));
    }
  }
}

/** Whether a failure may be over in a second. A timeout isn't retried: the caller has waited long enough. */
function mayPass(err: unknown): boolean {
  if (!(err instanceof VaultError)) return false;
  if (err.status !== undefined) return [412, 500, 503].includes(err.status);
  return ["ECONNREFUSED", "ECONNRESET", "EPIPE", "EAI_AGAIN"].includes(err.code ?? "");
}

function isRedirect(status: number): boolean {
  return [301, 302, 307].includes(status);
}

/**
 * The same request, to the leader that a standby names. Vault's own clients follow any redirect once, with the token.
 * Here, only a redirect to the same path is followed, so that a gateway's sign-in page never gets a token.
 */
function redirected(path: string, request: HttpRequest, { status, headers }: HttpResponse): HttpRequest {
  const { location } = headers;
  const target = location && URL.canParse(location, request.url.href) ? new URL(location, request.url) : undefined;
  const samePath = target?.pathname.startsWith("/v1/") && request.url.pathname.endsWith(target.pathname);
  if (!target || !samePath || target.search !== request.url.search)
    throw new VaultError(`${path}: answered ${status} with a redirect that isn't a standby's: check VAULT_ADDR`, {
      status,
    });
  if (request.url.protocol === "https:" && target.protocol !== "https:")
    throw new VaultError(`${path}: Vault redirected to an address without TLS: correct its api_addr`, { status });
  const { socketPath: _, ...rest } = request;
  return { ...rest, url: target };
}

function parse(
  { path, token, secrets = [] }: VaultRequest,
  { status, headers, body: text }: HttpResponse,
): VaultAnswer {
  const answer = parseObject(text);
  if (!answer)
    throw new VaultError(`${path}: answered ${status}, but not with Vault's JSON: check VAULT_ADDR`, { status });
  if (status !== 200) {
    const sent = [token ?? "", ...secrets];
    throw refusal(path, status, strings(answer.errors), sent, parseRetryAfter(headers["retry-after"]));
  }
  return {
    data: object(answer.data) ?? {},
    auth: object(answer.auth) ?? {},
    warnings: strings(answer.warnings),
    serverTime: parseDate(headers.date),
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return object(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
}

function parseDate(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Parses seconds, as Vault sends them. Nobody is kept waiting for longer than 5 minutes. */
function parseRetryAfter(text: string | undefined): number | undefined {
  return text && /^\d+$/.test(text) ? Math.min(Number(text) * second, 5 * minute) : undefined;
}
