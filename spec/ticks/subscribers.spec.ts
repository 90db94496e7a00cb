// Who subscribes to ticks$, when, and until when: on virtual time.

import { expect } from 'chai';
import { map, mergeMap, repeat, switchMap, take, timer } from 'rxjs';

import { onVirtualTime, reader, tick } from './virtual-time.js';

describe('ticks$ on virtual time: subscribers', () => {
  it('costs nothing while nobody subscribes: no alarm is set', () => {
    onVirtualTime((time) => {
      const client = reader(time);
      client.data('x');
      expect(time.poller.alarmAt).to.equal(Infinity);
      const subscription = time.server.ticks$.subscribe();
      expect(time.poller.alarmAt).to.equal(1000);
      subscription.unsubscribe();
      expect(time.poller.alarmAt).to.equal(Infinity);
    });
  });

  it('gives all subscribers the same ticks', () => {
    onVirtualTime(({ server, expectObservable }) => {
      const values = { a: tick(1000, 1000, 1), b: tick(2000, 1000, 2) };
      expectObservable(server.ticks$, '^ 2500ms !').toBe('1s a 999ms b', values);
      expectObservable(server.ticks$, '400ms ^ 2100ms !').toBe('1s a 999ms b', values);
      expectObservable(server.ticks$, '1400ms ^ 1s !').toBe('2s b', values);
    });
  });

  it('ticks on for those who stay when another unsubscribes', () => {
    onVirtualTime(({ server, expectObservable }) => {
      const values = { a: tick(1000, 1000, 1), b: tick(2000, 1000, 2) };
      expectObservable(server.ticks$, '^ 1500ms !').toBe('1s a', values);
      expectObservable(server.ticks$, '^ 2500ms !').toBe('1s a 999ms b', values);
    });
  });

  it('begins anew, time and count, after the last has unsubscribed', () => {
    onVirtualTime(({ server, expectObservable }) => {
      expectObservable(server.ticks$, '^ 1100ms !').toBe('1s a', { a: tick(1000, 1000, 1) });
      expectObservable(server.ticks$, '1500ms ^ 2100ms !').toBe('2500ms a 999ms b', {
        a: tick(2500, 1000, 1),
        b: tick(3500, 1000, 2),
      });
    });
  });

  it('counts time from the first subscription, not from listen()', () => {
    onVirtualTime(({ server, expectObservable }) => {
      expectObservable(server.ticks$, '300ms ^ 1100ms !').toBe('1300ms a', { a: tick(1300, 1000, 1) });
    });
  });

  it('may be unsubscribed inside a tick, by which the others are not disturbed', () => {
    onVirtualTime((time) => {
      const seen: string[] = [];
      const first = time.server.ticks$.subscribe(({ count }) => {
        seen.push(`first ${count}`);
        first.unsubscribe();
      });
      const second = time.server.ticks$.subscribe(({ count }) => seen.push(`second ${count}`));
      time.at(2500, () => second.unsubscribe());
      time.flush();
      expect(seen).to.deep.equal(['first 1', 'second 1', 'second 2']);
      expect(time.poller.alarmAt).to.equal(Infinity);
    });
  });

  it('may be subscribed again inside a tick', () => {
    onVirtualTime((time) => {
      const seen: number[] = [];
      time.server.ticks$.pipe(take(1), repeat(3)).subscribe(({ now }) => seen.push(now));
      time.flush();
      expect(seen).to.deep.equal([1000, 2000, 3000]);
      expect(time.poller.alarmAt).to.equal(Infinity);
    });
  });

  it('sets one alarm, not two, when it is unsubscribed and subscribed again inside a tick', () => {
    onVirtualTime((time) => {
      let subscription = time.server.ticks$.subscribe(() => {
        subscription.unsubscribe();
        subscription = time.server.ticks$.subscribe();
      });
      time.at(1500, () => subscription.unsubscribe());
      time.at(1501, () => expect(time.poller.alarmAt).to.equal(Infinity));
      time.flush();
    });
  });

  it('isolates a pipeline that fails: nobody else misses a tick', () => {
    onVirtualTime(({ server, expectObservable }) => {
      const failing = server.ticks$.pipe(
        map(() => {
          throw new Error('mine');
        }),
      );
      expectObservable(failing).toBe('1s #', undefined, new Error('mine'));
      expectObservable(server.ticks$, '^ 2500ms !').toBe('1s a 999ms b', {
        a: tick(1000, 1000, 1),
        b: tick(2000, 1000, 2),
      });
    });
  });

  it('drives timers of a pipeline, as any observable', () => {
    onVirtualTime(({ server, expectObservable }) => {
      const delayed = server.ticks$.pipe(switchMap(({ count }) => timer(10).pipe(map(() => String(count)))));
      expectObservable(delayed, '^ 2500ms !').toBe('1010ms 1 999ms 2');
    });
  });
});

describe('ticks$ on virtual time: exact values', () => {
  // Here a sum of fractions comes out one bit short of a second.
  for (const fraction of [1000 / 30, 24.1]) {
    it(`falls back to one a second after a tick at ${fraction.toFixed(2)} ms`, () => {
      onVirtualTime((time) => {
        const seen: number[] = [];
        const client = reader(time);
        const subscription = time.server.ticks$.subscribe(({ now }) => seen.push(now));
        time.at(fraction, () => client.data('x'));
        time.at(2100, () => subscription.unsubscribe());
        time.flush();
        expect(seen.map((now) => now.toFixed(6))).to.deep.equal(
          [fraction, fraction + 1000, fraction + 2000].map((now) => now.toFixed(6)),
        );
      });
    });
  }

  it('gives times on the clock of the poller: now is the sum of all that has elapsed', () => {
    onVirtualTime((time) => {
      let elapsedInAll = 0;
      let ticks = 0;
      const client = reader(time);
      time.every(7, 7, 5000, () => client.data('x'));
      const subscription = time.server.ticks$.subscribe(({ now, elapsed, count }) => {
        elapsedInAll += elapsed;
        expect(elapsedInAll).to.equal(now);
        expect(now).to.equal(time.poller.now());
        expect(count).to.equal((ticks += 1));
      });
      time.at(7000, () => subscription.unsubscribe());
      time.flush();
      // Every third event of 714, then the idle second.
      expect(ticks).to.equal(238 + 2);
    });
  });
});

describe('ticks$ on virtual time: the end', () => {
  it('completes when the server closes', () => {
    onVirtualTime((time) => {
      time.at(1500, () => void time.server.close());
      time.expectObservable(time.server.ticks$).toBe('1s a 499ms |', { a: tick(1000, 1000, 1) });
    });
  });

  it('completes at once for those who come later, and leaves no alarm behind', () => {
    onVirtualTime((time) => {
      time.at(1500, () => void time.server.close());
      time.expectObservable(time.server.ticks$, '1600ms ^').toBe('1600ms |');
      time.at(1700, () => expect(time.poller.alarmAt).to.equal(Infinity));
    });
  });

  it('ticks on while connections drain', () => {
    onVirtualTime((time) => {
      time.server.connections$.pipe(mergeMap((connection) => connection.data$)).subscribe();
      const client = time.poller.accept();
      time.at(500, () => void time.server.close({ timeout: Infinity }));
      time.at(2200, () => client.fin());
      time.expectObservable(time.server.ticks$).toBe('1s a 999ms b 199ms (c|)', {
        a: tick(1000, 1000, 1),
        b: tick(2000, 1000, 2),
        c: tick(2200, 200, 3),
      });
    });
  });

  it('completes when a tick closes the server', () => {
    onVirtualTime((time) => {
      const server = time.server;
      server.ticks$.subscribe(() => void server.close({ timeout: 0 }));
      time.expectObservable(server.ticks$).toBe('1s |');
    });
  });

  it('announces no connection that was held back when a tick has closed the server', () => {
    onVirtualTime((time) => {
      const announced: number[] = [];
      const [listener] = time.poller.listeners;
      const never = time.server.connections$.subscribe();
      never.unsubscribe();
      // Accepted before the poller heard that accepting has stopped: held until somebody subscribes again.
      const held = time.poller.accept();
      time.server.ticks$.subscribe(() => void time.server.close({ timeout: 0 }));
      time.at(100, () => {
        time.server.connections$.subscribe(({ id }) => announced.push(id));
        // The turn that announces it is traffic, so it ticks first.
      });
      time.at(200, () => {
        expect(announced).to.deep.equal([]);
        expect(time.server.connections.size).to.equal(0);
        expect(held.closed).to.equal(true);
        expect(listener?.closed).to.equal(true);
      });
      time.flush();
    });
  });

  it('has nothing to say on a server that could not be bound: it completes', () => {
    onVirtualTime((time) => {
      time.poller.refusal = Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' });
      const server = time.another();
      server.ready.catch(() => {});
      time.expectObservable(server.ticks$).toBe('|');
    });
  });
});
