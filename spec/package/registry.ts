// A registry of npm on loopback that serves a few packages, so that package managers install what a user would install and
// nothing comes from outside.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** What `npm pack --json` says of a tarball, as far as it is used. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
}

interface Served {
  readonly manifest: object;
  readonly version: string;
  readonly tarball: Buffer;
}

const PUBLISHED = '2026-01-01T00:00:00.000Z'; // long enough ago for managers that wait some days

export class Registry {
  readonly #packages = new Map<string, Served>();
  readonly #server: Server;
  url = '';

  private constructor() {
    this.#server = createServer(({ url = '' }, response) => {
      const answer = this.#answer(decodeURIComponent(url));
      response.writeHead(answer === undefined ? 404 : 200, { connection: 'close' }).end(answer);
    });
  }

  static async start(): Promise<Registry> {
    const registry = new Registry();
    registry.#server.listen(0, '127.0.0.1').unref();
    await once(registry.#server, 'listening');
    registry.url = `http://127.0.0.1:${(registry.#server.address() as AddressInfo).port}`;
    return registry;
  }

  /** Serves a tarball in `folder` under the name in its manifest. */
  add(folder: string, { name, version, filename }: Packed, manifest: object): void {
    this.#packages.set(name, { manifest, version, tarball: readFileSync(path.join(folder, filename)) });
  }

  #answer(url: string): string | Buffer | undefined {
    const [, name = '', tarball] = /^\/((?:@[^/]+\/)?[^/]+)(\/-\/.*)?$/.exec(url) ?? [];
    const served = this.#packages.get(name);
    if (served === undefined) return undefined;
    return tarball === undefined ? JSON.stringify(this.#packument(name, served)) : served.tarball;
  }

  #packument(name: string, { manifest, version, tarball }: Served): object {
    const dist = {
      tarball: `${this.url}/${name}/-/${path.posix.basename(name)}-${version}.tgz`,
      shasum: createHash('sha1').update(tarball).digest('hex'),
      integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    };
    return {
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...manifest, dist } },
      time: { created: PUBLISHED, modified: PUBLISHED, [version]: PUBLISHED },
    };
  }
}
