// The kinds of event inside which user code runs, each with a way to make it happen: the table over which "from inside
// every kind of event" runs.

import { serveEach } from 'evio';
import type { Connection, ListenOptions, Server } from 'evio';
import { NEVER, Observable, filter, finalize, merge } from 'rxjs';
import type { Subscription } from 'rxjs';

import type { Harness, Pair } from '../harness.js';

/** What it takes to make an event happen to one connection. */
export interface Stage {
  readonly harness: Harness;
  readonly server: Server;
  /** The client that it happens to, announced only now. */
  enter(): Promise<Pair>;
  /** Where the subscription goes by which the event comes, for those who leave inside it. */
  subscription: Subscription | undefined;
}

export interface Place {
  /** What the connection refuses a send with by then, if it does. */
  readonly refuses?: 'ERR_EVIO_CLOSED' | 'ERR_EVIO_WRITE_AFTER_END';
  /** The code or message of what errors$ tells, if it is by that. */
  readonly reports?: string;
  /** What the client has been sent before. */
  readonly prefix?: string;
  /** Lets one client enter and the event happen to it; calls back inside the event, with its connection. */
  readonly happen: (stage: Stage, inside: (connection: Connection) => void) => Promise<Pair>;
}

/** A small mark, so that `drained$` is cheap to come by. */
export const OPTIONS: ListenOptions = { highWaterMark: 1024, lowWaterMark: 0 };
const ABOVE_MARK = 'd'.repeat(2000);

const onPurpose = (): never => {
  throw new Error('on purpose');
};

/** After so long the next event brings a tick. */
const TICK = 20;

/** An observable that calls back when it is subscribed, or when its input has ended. */
function calling(
  data$: Observable<Buffer>,
  called: { subscribed?: () => void; ended?: () => void },
): Observable<Buffer> {
  return new Observable((subscriber) => {
    called.subscribed?.();
    return data$.subscribe({
      next: (data) => subscriber.next(data),
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        called.ended?.();
        subscriber.complete();
      },
    });
  });
}

/** Serves only those that come from now on, all by this protocol. */
async function served(
  stage: Stage,
  protocol: (data$: Observable<Buffer>, connection: Connection) => Observable<Buffer>,
): Promise<Pair> {
  stage.subscription = stage.server.connections$.pipe(serveEach(protocol)).subscribe();
  return stage.enter();
}

export const places: Readonly<Record<string, Place>> = {
  'an announcement on connections$': {
    happen: (stage, inside) => {
      stage.subscription = stage.server.connections$.subscribe(inside);
      return stage.enter();
    },
  },
  'a callback of data$': {
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = pair.connection.data$.subscribe(() => inside(pair.connection));
      pair.peer.send('x');
      return pair;
    },
  },
  'a callback of server.data$': {
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = stage.server.data$
        .pipe(filter(({ connection }) => connection === pair.connection))
        .subscribe(({ connection }) => inside(connection));
      pair.peer.send('x');
      return pair;
    },
  },
  'a wake': {
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = pair.connection.data$.subscribe(() => inside(pair.connection));
      pair.connection.wake();
      return pair;
    },
  },
  drained$: {
    prefix: ABOVE_MARK,
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = pair.connection.drained$.subscribe(() => inside(pair.connection));
      pair.connection.write(ABOVE_MARK);
      return pair;
    },
  },
  'the completion of a send': {
    prefix: 'sent ',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      const complete = (): void => inside(pair.connection);
      stage.subscription = pair.connection.send('sent ').subscribe({ complete });
      return pair;
    },
  },
  'the error of a send': {
    refuses: 'ERR_EVIO_CLOSED',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      const error = (): void => inside(pair.connection);
      // In the turn of an event, in which the kernel cannot have taken it yet.
      pair.connection.data$.subscribe(() => {
        stage.subscription = pair.connection.send('never sent').subscribe({ error });
        pair.connection.reset();
      });
      pair.peer.send('x');
      return pair;
    },
  },
  'the completion of data$': {
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      const complete = (): void => inside(pair.connection);
      stage.subscription = pair.connection.data$.subscribe({ complete });
      pair.peer.fin();
      return pair;
    },
  },
  closed$: {
    refuses: 'ERR_EVIO_CLOSED',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = pair.connection.closed$.subscribe(() => inside(pair.connection));
      pair.connection.data$.subscribe();
      await stage.harness.turns();
      pair.peer.reset();
      return pair;
    },
  },
  disconnected$: {
    refuses: 'ERR_EVIO_CLOSED',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = stage.server.disconnected$
        .pipe(filter(({ connection }) => connection === pair.connection))
        .subscribe(({ connection }) => inside(connection));
      pair.connection.data$.subscribe();
      await stage.harness.turns();
      pair.peer.reset();
      return pair;
    },
  },
  'errors$, after a throw': {
    refuses: 'ERR_EVIO_CLOSED',
    reports: 'on purpose',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = stage.server.errors$.subscribe(() => inside(pair.connection));
      pair.connection.data$.subscribe(onPurpose);
      pair.peer.send('x');
      return pair;
    },
  },
  'errors$, after a write behind end()': {
    refuses: 'ERR_EVIO_WRITE_AFTER_END',
    reports: 'ERR_EVIO_WRITE_AFTER_END',
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = stage.server.errors$.subscribe(() => inside(pair.connection));
      pair.connection.data$.subscribe(() => {
        pair.connection.end();
        pair.connection.write('too late');
      });
      pair.peer.send('x');
      return pair;
    },
  },
  'a tick': {
    happen: async (stage, inside) => {
      const pair = await stage.enter();
      stage.subscription = stage.server.ticks$.subscribe(() => inside(pair.connection));
      pair.connection.data$.subscribe();
      await stage.harness.clock.advance(TICK);
      pair.peer.send('x');
      return pair;
    },
  },
  'the call of a protocol': {
    happen: (stage, inside) =>
      served(stage, (data$, connection) => {
        inside(connection);
        return data$;
      }),
  },
  'the subscription to what a protocol returns': {
    happen: (stage, inside) =>
      served(stage, (data$, connection) => calling(data$, { subscribed: () => inside(connection) })),
  },
  'the end of a protocol’s input': {
    happen: async (stage, inside) => {
      const pair = await served(stage, (data$, connection) =>
        calling(data$, { ended: () => inside(connection) }),
      );
      pair.peer.fin();
      return pair;
    },
  },
  'the teardown of a protocol': {
    refuses: 'ERR_EVIO_CLOSED',
    happen: async (stage, inside) => {
      const pair = await served(stage, (data$, connection) =>
        merge(data$, NEVER).pipe(finalize(() => inside(connection))),
      );
      await stage.harness.turns();
      pair.peer.reset();
      return pair;
    },
  },
};
