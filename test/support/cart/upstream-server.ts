/** The services that cart calls, on a real gRPC server. */
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { freePort } from "../../../tools/stack/ports.ts";
import { Upstreams } from "./upstreams.ts";

export class UpstreamServer implements AsyncDisposable {
  readonly upstreams = new Upstreams();
  readonly #port: number;
  readonly #sessions = new Set<ServerHttp2Session>();
  #server = createServer();

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<UpstreamServer> {
    const server = new UpstreamServer(await freePort());
    await server.listen();
    return server;
  }

  /** Settings that make cart call this server. */
  get environment() {
    const url = `http://127.0.0.1:${this.#port}`;
    return { CART_PRODUCT_URL: url, CART_LOMS_URL: url };
  }

  /** On the same port as before. */
  async listen(): Promise<void> {
    this.#server = createServer(connectNodeAdapter({ routes: this.upstreams.routes }));
    this.#server.on("session", (session) => this.#sessions.add(session));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Ends every connection; the port stays closed. */
  close(): void {
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    this.#sessions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
