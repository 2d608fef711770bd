import { readdir } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import { join } from "node:path";
import { readText, unreadable } from "./files.js";
import { VaultError } from "./vault-error.js";
import type { VaultSettings } from "./vault-options.js";

/** In bytes. Vault's answers are a few kilobytes long. */
const longestBody = 1 << 20;

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: http.OutgoingHttpHeaders;
  readonly body?: string;
  /** A socket to connect to in place of the URL's host. */
  readonly socketPath?: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Makes one request on a connection of its own: reads are half an hour apart, and no server keeps an idle connection
 * for that long. Node's fetch would do, if it could be told which CA to trust. Throws an error with a code.
 */
export async function send(request: HttpRequest, settings: VaultSettings): Promise<HttpResponse> {
  const tls = request.url.protocol === "https:" ? await tlsOptions(settings) : {};
  const deadline = AbortSignal.timeout(settings.timeout);
  try {
    return await exchange(request, { ...tls, agent: false, signal: deadline });
  } catch (err) {
    throw deadline.aborted ? Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" }) : err;
  }
}

function exchange(request: HttpRequest, options: https.RequestOptions): Promise<HttpResponse> {
  const { method, url, headers, body, socketPath } = request;
  const start = url.protocol === "https:" ? https.request : http.request;
  return new Promise((resolve, reject) => {
    const outgoing = start(url, { ...options, method, headers, ...(socketPath && { socketPath }) });
    outgoing.on("error", reject);
    outgoing.on("socket", (socket) => socket.unref());
    outgoing.on("response", (incoming) => {
      readBody(incoming)
        .then((text) => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }))
        .catch((err: unknown) => {
          outgoing.destroy();
          reject(err);
        });
    });
    outgoing.end(body);
  });
}

async function readBody(incoming: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestBody) throw new VaultError("the answer is over 1 MiB, so it isn't Vault's: check VAULT_ADDR");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Reads the files again for each connection, because certificates are replaced while a backend runs. */
async function tlsOptions(settings: VaultSettings): Promise<https.RequestOptions> {
  const { clientCertFile, clientKeyFile, tlsServerName } = settings;
  const ca = await authorities(settings);
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: !settings.skipVerify,
    ...(ca.length > 0 && { ca }),
    ...(clientCertFile && { cert: await readText(clientCertFile) }),
    ...(clientKeyFile && { key: await readText(clientKeyFile) }),
    ...(tlsServerName && { servername: tlsServerName }),
  };
}

/** As in Vault's own clients, the first one given is used; it replaces the CAs that Node trusts by default. */
async function authorities({ caCert, caCertFile, caPath }: VaultSettings): Promise<string[]> {
  if (caCertFile) return [await readText(caCertFile)];
  if (caCert) return [caCert];
  if (!caPath) return [];
  const names = await readdir(caPath).catch((err: unknown) => Promise.reject(unreadable(caPath, err)));
  return Promise.all(names.map((name) => readText(join(caPath, name))));
}
