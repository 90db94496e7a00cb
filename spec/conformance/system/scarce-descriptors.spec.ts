// Without a free descriptor nobody can be accepted: clients wait, those that are there go on, and it is said once.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { Peer, destroyPeers } from '../../support/peer.js';
import { overPollers } from '../../support/pollers.js';
import type { PollerUnderTest } from '../../support/pollers.js';
import { QUIET } from '../../support/quiet.js';
import type { Answer, Order } from './scarce-program.js';

const PROGRAM = fileURLToPath(new URL('./scarce-program.js', import.meta.url));
/** Node raises the soft limit to the hard one, so both are lowered before it starts. */
const LIMITED = ['-c', 'ulimit -n 60 && exec "$NODE" "$0" "$@"'];

const children = new Set<ChildProcess>();

async function endChildren(): Promise<void> {
  const all = [...children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  children.clear();
  await Promise.all(
    all.map(async (child) => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }),
  );
}

class Scarce {
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];
  #changed: () => void = () => {};

  constructor(poller: PollerUnderTest, wanted: 'connections$' | 'data$') {
    const env = { ...process.env, NODE: process.execPath };
    this.#child = fork(PROGRAM, [poller, wanted], { execPath: 'sh', execArgv: LIMITED, env });
    children.add(this.#child);
    this.#child.on('message', (answer: Answer) => {
      if ('error' in answer) this.errors.push(answer.error);
      else this.#answers.push(answer);
      this.#changed();
    });
  }

  async answer(): Promise<Answer> {
    await this.until(() => this.#answers.length > 0);
    return this.#answers.shift() as Answer;
  }

  tell(order: Order): Promise<Answer> {
    this.#child.send(order);
    return this.answer();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async connect(port: number): Promise<Peer> {
    const peer = await Peer.toPort(port);
    peer.send('x');
    return peer;
  }
}

async function start(
  poller: PollerUnderTest,
  wanted: 'connections$' | 'data$' = 'connections$',
): Promise<{ scarce: Scarce; port: number }> {
  const scarce = new Scarce(poller, wanted);
  const { port } = (await scarce.answer()) as { port: number };
  return { scarce, port };
}

async function echoes(peer: Peer, text: string): Promise<void> {
  const before = peer.received.toString();
  peer.send(text);
  await peer.receives(before + text);
}

async function expectQuiet(scarce: Scarce): Promise<void> {
  const { busy } = (await scarce.tell('measure')) as { busy: number };
  expect(busy).to.be.below(QUIET);
}

overPollers(
  'without a free descriptor',
  (poller) => {
    afterEach(endChildren);
    afterEach(destroyPeers);

    it('a client waits, and is served as soon as there is one', async () => {
      const { scarce, port } = await start(poller);
      const first = await scarce.connect(port);
      await first.receives('x');
      await scarce.tell('use up');
      const second = await scarce.connect(port);
      await scarce.until(() => scarce.errors.length > 0);
      expect(scarce.errors).to.deep.equal(['accept EMFILE']);
      await expectQuiet(scarce);
      await echoes(first, 'goes on');
      expect(second.receivedBytes).to.equal(0);
      await scarce.tell('give back');
      await second.receives('x');
      await echoes(second, 'is served');
      expect(scarce.errors).to.deep.equal(['accept EMFILE']); // once, not at every try
    });

    it('the descriptor of a client that leaves goes to one that waits', async () => {
      const { scarce, port } = await start(poller);
      const first = await scarce.connect(port);
      await first.receives('x');
      await scarce.tell('use up');
      const second = await scarce.connect(port);
      await scarce.until(() => scarce.errors.length > 0);
      first.fin();
      await first.over();
      await second.receives('x');
    });

    it('it is said once, though clients who said nothing so far speak meanwhile', async () => {
      const { scarce, port } = await start(poller, 'data$');
      const silent = await Promise.all(Array.from({ length: 4 }, () => Peer.toPort(port)));
      const first = await scarce.connect(port);
      await first.receives('x');
      await scarce.tell('use up');
      const waiting = await scarce.connect(port);
      await scarce.until(() => scarce.errors.length > 0);
      for (const peer of silent) {
        await echoes(peer, 'speaks');
        await expectQuiet(scarce);
      }
      expect(waiting.receivedBytes).to.equal(0);
      silent[0]?.fin();
      await waiting.receives('x');
      expect(scarce.errors).to.deep.equal(['accept EMFILE']);
    });

    it('is said again when it comes to that again', async () => {
      const { scarce, port } = await start(poller);
      for (let i = 1; i <= 3; i++) {
        await scarce.tell('use up');
        const peer = await scarce.connect(port);
        await scarce.until(() => scarce.errors.length === i);
        await scarce.tell('give back');
        await peer.receives('x');
      }
      expect(scarce.errors).to.deep.equal(['accept EMFILE', 'accept EMFILE', 'accept EMFILE']);
    });
  },
  ['epoll', 'kqueue'], // libuv closes the clients that come to `net` then, without a word
);

overPollers('with too few descriptors', (poller) => {
  afterEach(endChildren);
  afterEach(destroyPeers);

  it('hundreds that come are served one after the other, and the server lives on', async () => {
    const { scarce, port } = await start(poller);
    let answered = 0;
    // Whom `net` turns away comes again.
    const visit = async (): Promise<void> => {
      for (;;) {
        const peer = await scarce.connect(port);
        await peer.until(({ receivedBytes, isOver }) => receivedBytes > 0 || isOver);
        const served = peer.receivedBytes > 0;
        peer.destroy();
        if (served) break;
      }
      answered += 1;
    };
    await Promise.all(Array.from({ length: 200 }, visit));
    expect(answered).to.equal(200);
    await expectQuiet(scarce);
    await (await scarce.connect(port)).receives('x');
  });

  it('those that are there go on while others come in vain, and nothing spins', async () => {
    const { scarce, port } = await start(poller);
    const first = await scarce.connect(port);
    await first.receives('x');
    await scarce.tell('use up');
    for (let i = 0; i < 5; i++) await scarce.connect(port);
    await expectQuiet(scarce);
    await echoes(first, 'goes on');
    await scarce.tell('give back');
    await (await scarce.connect(port)).receives('x');
  });

  it('listen() fails with EMFILE, and succeeds when there is one', async () => {
    const { scarce } = await start(poller);
    await scarce.tell('use up');
    expect(await scarce.tell('listen')).to.deep.equal({ listening: 'EMFILE' });
    await scarce.tell('give back');
    expect(await scarce.tell('listen')).to.deep.equal({ listening: 'yes' });
    expect(scarce.errors).to.deep.equal([]);
  });
});
