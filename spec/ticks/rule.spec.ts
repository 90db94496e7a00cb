// evio's rule on virtual time, to the millisecond: 1 to 60 ticks a second, depending on the traffic.

import { expect } from 'chai';
import { map, take } from 'rxjs';

import { onVirtualTime, reader, tick } from './virtual-time.js';
import { overPollers } from '../support/pollers.js';
import { destroyPeers } from '../support/peer.js';
import { closeServers, connectTo, listening } from '../support/servers.js';

const SHORTEST = 1000 / 60;

describe('ticks$ on virtual time: when', () => {
  it('ticks once a second while nothing happens', () => {
    onVirtualTime(({ server, expectObservable }) => {
      expectObservable(server.ticks$, '^ 3500ms !').toBe('1s a 999ms b 999ms c', {
        a: tick(1000, 1000, 1),
        b: tick(2000, 1000, 2),
        c: tick(3000, 1000, 3),
      });
    });
  });

  it('does not tick on subscription', () => {
    onVirtualTime(({ server, expectObservable }) => {
      expectObservable(server.ticks$, '^ 999ms !').toBe('-');
    });
  });

  it('ticks at every 60th of a second under steady traffic', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      time.every(1, 1, 103, () => client.data('x'));
      // The first event of each span of 16.67 ms: every 17 ms, where events come by the millisecond.
      time
        .expectObservable(time.server.ticks$.pipe(map(({ now }) => now)), '^ 110ms !')
        .toBe('17ms a 16ms b 16ms c 16ms d 16ms e 16ms f', { a: 17, b: 34, c: 51, d: 68, e: 85, f: 102 });
    });
  });

  it('ticks 60 times a second under endless traffic, and never more', () => {
    onVirtualTime((time) => {
      const times: number[] = [];
      const client = reader(time);
      time.server.ticks$.pipe(take(180)).subscribe(({ now }) => times.push(now));
      time.every(0.1, 0.1, 3050, () => client.data('x'));
      time.at(3050, () => {
        expect(times).to.have.length(180);
        const gaps = times.map((now, i) => now - (times[i - 1] ?? 0));
        expect(Math.min(...gaps)).to.be.at.least(SHORTEST);
        // What a tick is late by is the distance to the next event, and nothing else.
        expect(Math.max(...gaps)).to.be.at.most(SHORTEST + 0.1 + 1e-6);
      });
    });
  });

  it('ticks with the first event after a long silence, at once', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      time.at(500, () => client.data('x'));
      time.expectObservable(time.server.ticks$, '^ 1600ms !').toBe('500ms a 999ms b', {
        a: tick(500, 500, 1),
        b: tick(1500, 1000, 2),
      });
    });
  });

  it('keeps still within a 60th of a second after a tick, whatever comes', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      time.every(1, 500, 517, () => client.data('x'));
      time
        .expectObservable(time.server.ticks$.pipe(map(({ count }) => String(count))), '^ 600ms !')
        .toBe('500ms 1');
    });
  });

  it('falls back to one a second after a burst', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      time.every(10, 10, 60, () => client.data('x'));
      // Events at 10, 20, 30, 40 and 50: a tick at the second and at the fourth.
      time.expectObservable(time.server.ticks$, '^ 2100ms !').toBe('20ms a 19ms b 999ms c 999ms d', {
        a: tick(20, 20, 1),
        b: tick(40, 20, 2),
        c: tick(1040, 1000, 3),
        d: tick(2040, 1000, 4),
      });
    });
  });

  it('never waits for more than a second, however seldom the traffic comes', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      time.every(1010, 1010, 3100, () => client.data('x'));
      // What comes at 1010 and at 3030 is too near to the ticks of the idle seconds; what comes at 2020 is not.
      time
        .expectObservable(time.server.ticks$.pipe(map(({ now }) => now)), '^ 3100ms !')
        .toBe('1s a 999ms b 19ms c 999ms d', { a: 1000, b: 2000, c: 2020, d: 3020 });
    });
  });
});

describe('ticks$ on virtual time: what traffic is', () => {
  it('looks before each event of a turn, and once after the last', () => {
    onVirtualTime((time) => {
      const order: string[] = [];
      time.server.data$.subscribe(({ data }) => order.push(String(data)));
      time.server.ticks$.subscribe(({ now }) => order.push(`tick ${now}`));
      const client = time.poller.accept();
      time.at(20, () =>
        time.poller.turn(
          () => client.receives('first'),
          () => client.receives('second'),
        ),
      );
      time.at(50, () => void time.server.close({ timeout: 0 }));
      time.flush();
      expect(order).to.deep.equal(['tick 20', 'first', 'second']);
    });
  });

  it('ticks after the last event of a turn when a handler was slow', () => {
    onVirtualTime((time) => {
      const order: string[] = [];
      time.server.data$.subscribe(({ data }) => {
        order.push(String(data));
        time.poller.skip(20);
      });
      time.server.ticks$.subscribe(({ now }) => order.push(`tick ${now}`));
      const stream = time.poller.accept();
      time.at(5, () => stream.data('slow'));
      time.at(30, () => void time.server.close({ timeout: 0 }));
      time.flush();
      expect(order).to.deep.equal(['slow', 'tick 25']);
    });
  });

  const events: readonly [string, (client: ReturnType<typeof reader>) => void][] = [
    ['data', (client) => client.data('x')],
    ['the end of a client', (client) => client.fin()],
    ['the failure of a client', (client) => client.fails('ECONNRESET')],
  ];
  for (const [title, act] of events) {
    it(`counts ${title}`, () => {
      onVirtualTime((time) => {
        const client = reader(time);
        time.at(100, () => act(client));
        time.expectObservable(time.server.ticks$, '^ 200ms !').toBe('100ms a', { a: tick(100, 100, 1) });
      });
    });
  }

  it('counts a new client', () => {
    onVirtualTime((time) => {
      time.server.connections$.subscribe();
      time.at(100, () => void time.poller.accept());
      time.expectObservable(time.server.ticks$, '^ 200ms !').toBe('100ms a', { a: tick(100, 100, 1) });
    });
  });

  it('counts a wake', () => {
    onVirtualTime((time) => {
      reader(time);
      time.at(100, () => time.server.connections.get(1)?.wake());
      time.expectObservable(time.server.ticks$, '^ 200ms !').toBe('100ms a', { a: tick(100, 100, 1) });
    });
  });

  it('does not count the traffic of another server on the same poller', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      const other = time.another();
      time.every(10, 10, 900, () => client.data('x'));
      time.expectObservable(other.ticks$, '^ 1500ms !').toBe('1s a', { a: tick(1000, 1000, 1) });
    });
  });
});

overPollers('ticks$ in real time', (poller) => {
  afterEach(destroyPeers);
  afterEach(closeServers);

  it('ticks while idle and with traffic', async () => {
    const server = await listening(poller);
    server.data$.subscribe(({ connection, data }) => connection.write(data));
    const peer = await connectTo(server);
    const ticks = new Promise<number[]>((resolve) => {
      const seen: number[] = [];
      server.ticks$
        .pipe(take(3))
        .subscribe({ next: ({ elapsed }) => seen.push(elapsed), complete: () => resolve(seen) });
    });
    // Each answer is the next question, so there is always traffic.
    peer.socket.on('data', (data) => peer.send(data));
    peer.send('x');
    for (const elapsed of await ticks) expect(elapsed).to.be.at.least(SHORTEST);
    peer.destroy();
  });

  it('ticks without any client', async () => {
    const server = await listening(poller);
    const started = performance.now();
    await new Promise((resolve) => server.ticks$.pipe(take(1)).subscribe(resolve));
    expect(performance.now() - started).to.be.at.least(990);
  });
});
