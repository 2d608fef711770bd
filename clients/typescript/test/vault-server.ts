import http from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Answer {
  status?: number;
  headers?: http.OutgoingHttpHeaders;
  /** Text as it is, anything else as JSON; without one there is never an answer. */
  body?: unknown;
}

export interface Seen {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A server that answers as the test says, and remembers what it was asked. */
export class VaultServer {
  readonly seen: Seen[] = [];
  readonly #server: http.Server;

  private constructor(answer: (request: Seen) => Answer | Promise<Answer>) {
    this.#server = http.createServer(async (incoming, outgoing) => {
      let body = "";
      for await (const chunk of incoming) body += chunk;
      const request = { method: incoming.method ?? "", path: incoming.url ?? "", headers: incoming.headers, body };
      this.seen.push(request);
      const { status = 200, headers = {}, body: text } = await answer(request);
      if (text === undefined && status === 200) return;
      outgoing.writeHead(status, headers);
      outgoing.end(typeof text === "string" ? text : JSON.stringify(text ?? { errors: [] }));
    });
  }

  static async start(t: TestContext, answer: (request: Seen) => Answer | Promise<Answer>): Promise<VaultServer> {
    const server = new VaultServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.#server.closeAllConnections();
      server.#server.close();
    });
    return server;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
}

/** An answer of the secrets engine, with an hour's token that rotates after half of it. */
export function tokenAnswer(token: string, more: Record<string, unknown> = {}): Answer {
  const expiresAt = Math.floor(Date.now() / 1000) + 3600;
  const data = { access_token: token, token_type: "Bearer", ttl: 1800, expires_at_unix: expiresAt };
  return { body: { data, warnings: null, ...more } };
}
