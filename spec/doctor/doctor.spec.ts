// `evio doctor`, as a person runs it.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { ADDONS, KQUEUE_ADDON } from '../support/native-addons.js';
import { pollers } from '../support/pollers.js';

const MANIFEST = fileURLToPath(import.meta.resolve('evio/package.json'));
const { bin, version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as {
  readonly bin: { readonly evio: string };
  readonly version: string;
};
const COMMAND = join(MANIFEST, '..', bin.evio);

interface Answer {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

function evio(
  args: readonly string[],
  environment: Record<string, string> = {},
  limit = '',
): Promise<Answer> {
  const words = [process.execPath, COMMAND, ...args].map((word) => `'${word}'`).join(' ');
  const env = { ...process.env, EVIO_NATIVE: '', EVIO_POLLER: '', ...environment };
  return new Promise((resolve) => {
    const child = execFile('sh', ['-c', `${limit} exec ${words}`], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, lines: stdout.split('\n'), stderr });
    });
  });
}

describe('evio doctor', () => {
  it('names the poller in use and the file it is from, and says it of each poller', async () => {
    const { code, lines, stderr } = await evio(['doctor']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(lines[0]).to.equal(
      `evio ${version}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    );
    expect(lines).to.include.members([
      `poller: epoll, from ${ADDONS[0]}`,
      `  epoll   runs here, from ${ADDONS[0]}`,
      '  kqueue  cannot run here: it is of macOS and the BSDs, and this is linux',
      '  net     runs everywhere, at the speed of node:net',
    ]);
  });

  it('says that the environment has chosen', async () => {
    const { code, lines } = await evio(['doctor'], { EVIO_POLLER: 'net' });
    expect(code).to.equal(0);
    expect(lines).to.include('poller: net (EVIO_POLLER=net)');
  });

  if (pollers.includes('kqueue')) {
    it('tells the poller of the addon that EVIO_NATIVE names', async () => {
      const { code, lines } = await evio(['doctor'], { EVIO_NATIVE: KQUEUE_ADDON });
      expect(code).to.equal(0);
      expect(lines).to.include.members([
        `poller: kqueue, from ${KQUEUE_ADDON} (EVIO_NATIVE=${KQUEUE_ADDON})`,
        `  epoll   cannot run here: ${KQUEUE_ADDON} has the poller kqueue`,
      ]);
    });
  }

  it('says of a poller that was asked for and cannot run why, with exit code 1', async () => {
    for (const [poller, why] of [
      ['kqueue', '  the poller kqueue cannot run here: it is of macOS and the BSDs, and this is linux'],
      ['epol', '  EVIO_POLLER: unknown poller "epol"; valid are auto, epoll, kqueue, net'],
    ] as const) {
      const { code, lines } = await evio(['doctor'], { EVIO_POLLER: poller });
      expect(code).to.equal(1);
      expect(lines).to.include.members([`poller: none (EVIO_POLLER=${poller})`, why]);
    }
  });

  it('says for each file why it was not loaded, and how to get a native poller', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evio-'));
    const text = join(folder, 'text.node');
    const missing = join(folder, 'missing.node');
    writeFileSync(text, 'no addon');
    const { code, lines } = await evio(['doctor'], { EVIO_NATIVE: `${missing}:${text}` });
    rmSync(folder, { recursive: true });
    expect(code).to.equal(0);
    expect(lines).to.include(`poller: net (EVIO_NATIVE=${missing}:${text})`);
    expect(lines.join('\n')).to.match(/epoll {3}cannot run here: .*missing\.node: .*No such file/);
    expect(lines.join('\n')).to.match(/\n {27}.*text\.node: .*(too short|invalid ELF header)/);
    expect(lines).to.include('  npx evio build');
  });

  it('tells how many files may be open, and what to do when they are few', async () => {
    const { lines } = await evio(['doctor'], {}, 'ulimit -n 1234;');
    expect(lines).to.include('  open files      1234      each connection takes one');
    expect(lines.join('\n')).to.include('ulimit -n 65536, LimitNOFILE=');
    const many = await evio(['doctor'], {}, 'ulimit -n 12345;');
    expect(many.lines.join('\n')).to.include('12345').and.not.to.include('LimitNOFILE=');
  });

  it('tells to what the kernel cuts a backlog', async () => {
    const longest = readFileSync('/proc/sys/net/core/somaxconn', 'utf8').trim();
    const { lines } = await evio(['doctor']);
    expect(lines.join('\n')).to.match(
      new RegExp(`listen backlog {2}${longest} .*net\\.core\\.somaxconn; the option backlog is 4096`),
    );
  });
});

describe('evio', () => {
  it('with anything it does not know shows its usage, with exit code 2', async () => {
    for (const args of [[], ['doktor'], ['doctor', '--poller'], ['build', 'x'], ['--version', 'x']]) {
      const { code, lines, stderr } = await evio(args);
      expect({ code, lines }, args.join(' ')).to.deep.equal({ code: 2, lines: [''] });
      expect(stderr).to.match(/^Usage: evio doctor/);
    }
  });

  it('--help and --version print and succeed', async () => {
    expect((await evio(['--help'])).lines[0]).to.match(/^Usage: evio doctor/);
    expect(await evio(['--version'])).to.deep.equal({ code: 0, lines: [version, ''], stderr: '' });
  });
});
