import { expect } from 'chai';
import { destroyPeers, type Peer } from '../support/peer.js';
import { pollers } from '../support/pollers.js';
import { endProcesses } from '../support/processes.js';
import { dial } from './dialogue.js';
import { example, freePort, startServer } from './processes.js';

describe('examples: the command line', () => {
  afterEach(destroyPeers);
  afterEach(endProcesses);

  const wrong: readonly (readonly [args: readonly string[], problem: RegExp])[] = [
    [['--colour', 'red'], /^Unknown option '--colour'; --help shows the options\n$/],
    [['9999'], /^Unexpected argument '9999'.*\n$/],
    [['--port'], /^Option '--port <value>' argument missing.*\n$/],
    [['--port', 'http'], /^--port takes a number from 0 to 65535, not 'http'\n$/],
    [['--port', '65536'], /^--port takes a number from 0 to 65535, not '65536'\n$/],
    [['--port=-1'], /^--port takes a number from 0 to 65535, not '-1'\n$/],
    [['--poller', 'select'], /^.*select.*epoll.*kqueue.*net.*\n$/],
    [['--host', '203.0.113.7'], /^.*EADDRNOTAVAIL.*203\.0\.113\.7.*\n$/],
  ];

  it('says in one line what is wrong with the options', async () => {
    await Promise.all(
      wrong.map(async ([args, problem]) => {
        const { code, stderr, stdout } = await example('echo-server', args).ended;
        expect(stderr, args.join(' ')).to.match(problem);
        expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      }),
    );
  });

  it('has options of an example beside those of all', async () => {
    const { code, stdout, stderr } = await example('redis-server', ['--help']).ended;
    const own = ['appendonly', 'appendfilename', 'warm-up'];
    for (const name of ['port', 'host', 'poller', 'help', ...own]) {
      expect(stdout).to.include(`--${name}`);
    }
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(await example('redis-server', ['--appendonly', 'maybe']).ended).to.deep.include({
      code: 1,
      stderr: "--appendonly takes yes or no, not 'maybe'\n",
    });
    expect(await example('redis-server', ['--warm-up', 'soon']).ended).to.deep.include({
      code: 1,
      stderr: "--warm-up takes a number of milliseconds, not 'soon'\n",
    });
  });

  for (const poller of pollers) {
    it(`says in one line that the port is taken (${poller})`, async () => {
      const { port } = await startServer('echo-server', ['--poller', poller]);
      for (const name of ['echo-server', 'echo-server-callbacks', 'redis-server']) {
        const { code, stderr } = await example(name, ['--port', String(port), '--poller', poller]).ended;
        expect(stderr, name)
          .to.match(/^.*EADDRINUSE.*\n$/)
          .and.include(String(port));
        expect(code).to.equal(1);
      }
    });
  }

  for (const poller of pollers) {
    it(`takes the poller ${poller} from EVIO_POLLER`, async () => {
      const server = example('echo-server', ['--port', '0'], { EVIO_POLLER: poller });
      await server.prints(new RegExp(`\\(${poller}\\)`));
    });
  }

  it('goes on serving when nobody reads its output any more', async () => {
    const port = await freePort();
    const server = example('echo-server', ['--port', String(port)]);
    server.child.stdout?.destroy();
    server.child.stderr?.destroy();
    let client: Peer | undefined;
    while (client === undefined) client = await dial(port).catch(() => undefined); // until it listens
    await client.receives('Welcome');
    server.child.kill('SIGTERM');
    expect(await server.ended).to.deep.include({ code: 0, signal: null });
  });
});
