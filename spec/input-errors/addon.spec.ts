// An addon that cannot be loaded: `auto` falls back to `net` and says so; a native poller by name says why not.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import { expect } from 'chai';

import { ADDONS, KQUEUE_ADDON } from '../support/native-addons.js';
import { pollers } from '../support/pollers.js';
import { runModule } from '../support/programs.js';
import type { Finished } from '../support/programs.js';

describe('input errors: EVIO_NATIVE', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'evio-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function withAddon(file: string, use: string): Promise<Finished> {
    return runModule(
      `process.env.EVIO_NATIVE = process.argv[1]; const { listen } = await import('evio'); ${use}`,
      {
        args: [file],
      },
    );
  }

  const ECHO_ONCE = `
    const { once } = await import('node:events');
    const { connect } = await import('node:net');
    const server = listen('tcp://127.0.0.1:0');
    server.connections$.subscribe((connection) => connection.data$.subscribe(connection));
    await server.ready;
    const client = connect(server.addresses[0].port, '127.0.0.1').end('hello');
    const [data] = await once(client, 'data');
    console.log(server.poller, String(data));
    await server.close();
  `;

  const files: readonly [title: string, content: string | undefined][] = [
    ['a file that is not there', undefined],
    ['a text', 'this is no addon'],
    ['an empty file', ''],
  ];
  for (const [title, content] of files) {
    for (const name of ['evio.node', 'evio.txt']) {
      it(`naming ${title} (${name}): auto serves on net`, async () => {
        const file = join(folder, name);
        if (content !== undefined) writeFileSync(file, content);
        const { code, stdout, stderr } = await withAddon(file, ECHO_ONCE);
        expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'net hello\n', stderr: '' });
      });

      it(`naming ${title} (${name}): epoll by name is unavailable, and says which file`, async () => {
        const file = join(folder, name);
        if (content !== undefined) writeFileSync(file, content);
        const { code, stdout } = await withAddon(
          file,
          `try { listen('tcp://127.0.0.1:0', { poller: 'epoll' }); } catch (error) {
             console.log(error.name, error.code, error.message);
           }`,
        );
        expect(code).to.equal(0);
        expect(stdout).to.match(/^EvioError ERR_EVIO_POLLER_UNAVAILABLE .*epoll/);
        expect(stdout).to.include(file);
      });
    }
  }

  it('naming a folder: epoll by name is unavailable', async () => {
    const { code, stdout } = await withAddon(
      folder,
      `try { listen('tcp://127.0.0.1:0', { poller: 'epoll' }); } catch (error) { console.log(error.code); }`,
    );
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'ERR_EVIO_POLLER_UNAVAILABLE\n' });
  });

  it('does not matter to the poller net', async () => {
    const { code, stdout } = await withAddon(
      join(folder, 'missing.node'),
      `const server = await listen('tcp://127.0.0.1:0', { poller: 'net' }).ready;
       console.log(server.poller);
       await server.close();`,
    );
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'net\n' });
  });

  const TRY = (poller: string): string => `try { listen('tcp://127.0.0.1:0', { poller: '${poller}' }); }
    catch (error) { console.log(error.name, error.code, error.message); }`;

  it('naming an addon for another poller: the poller named is unavailable, and says what is there', async () => {
    const { code, stdout } = await withAddon(KQUEUE_ADDON, TRY('epoll'));
    expect({ code, stdout }).to.deep.equal({
      code: 0,
      stdout:
        'EvioError ERR_EVIO_POLLER_UNAVAILABLE the poller epoll cannot run here: ' +
        `${KQUEUE_ADDON} has the poller kqueue\n`,
    });
  });

  it('does not matter to a poller of another system, which says of which', async () => {
    const { code, stdout } = await withAddon('', TRY('kqueue'));
    expect({ code, stdout }).to.deep.equal({
      code: 0,
      stdout:
        'EvioError ERR_EVIO_POLLER_UNAVAILABLE the poller kqueue cannot run here: ' +
        'it is of macOS and the BSDs, and this is linux\n',
    });
  });

  it('naming several addons: each gives its poller, and the first that loads is that of auto', async () => {
    const { code, stdout } = await withAddon(
      [join(folder, 'missing.node'), ...ADDONS].join(delimiter),
      `const servers = [{}, ...${JSON.stringify(pollers)}.map((poller) => ({ poller }))]
         .map((options) => listen('tcp://127.0.0.1:0', options));
       console.log(servers.map(({ poller }) => poller).join(' '));
       for (const server of servers) await server.close();`,
    );
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `epoll ${pollers.join(' ')}\n` });
  });

  it('that is empty is as good as none', async () => {
    const { code, stdout } = await withAddon('', ECHO_ONCE);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: 'epoll hello\n' });
  });

  it('EVIO_POLLER with a typo ends a program that does not catch it, with the valid names', async () => {
    const { code, stderr } = await withAddon(
      '',
      `process.env.EVIO_POLLER = 'epol'; listen('tcp://127.0.0.1:0');`,
    );
    expect(code).to.equal(1);
    expect(stderr).to.include('EVIO_POLLER: unknown poller "epol"; valid are auto, epoll, kqueue, net');
  });
});
