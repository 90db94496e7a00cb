// The laws of codecs and servers: ours keep them, and each law can be broken.

import { expect } from 'chai';
import type { Connection, Protocol } from 'evio';
import {
  delimited,
  encodeLengthPrefixed,
  encodeResp,
  fixedLength,
  lengthPrefixed,
  lines,
  resp,
} from 'evio/protocols';
import type { LengthPrefix } from 'evio/protocols';
import { codecLaws, serverLaws } from 'evio/testing';
import type { Codec, Law, Served } from 'evio/testing';
import { EMPTY, Observable, concat, delay, map, mergeMap, of, timer } from 'rxjs';
import type { OperatorFunction } from 'rxjs';

import { redis } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';

function run(title: string, laws: readonly Law[]): void {
  describe(`laws of codecs and servers: ${title}`, () => {
    for (const { name, check } of laws) it(name, check);
  });
}

const TEXTS = ['one', '', 'z\u00e4hlt', 'x'.repeat(300)];
const frames = TEXTS.map((text) => Buffer.from(text));

run(
  'lines',
  codecLaws({
    decode: () => lines({ max: 1000 }),
    encode: (line) => `${line}\n`,
    values: TEXTS,
    incomplete: 'emit',
    endless: 'x',
  }),
);
run(
  'delimited',
  codecLaws({
    decode: () => delimited('\r\n\r\n', { max: 1000, rest: 'error' }),
    encode: (frame) => Buffer.concat([frame, Buffer.from('\r\n\r\n')]),
    values: frames,
    endless: '\r\n\r',
  }),
);
for (const length of ['u8', 'u16', 'u32', 'varint'] as const) {
  for (const endian of ['big', 'little'] as const) {
    const prefix: LengthPrefix = { length, endian };
    const values = frames.map((frame) => frame.subarray(0, 255));
    run(
      `lengthPrefixed, ${length}, ${endian}`,
      codecLaws({
        decode: () => lengthPrefixed({ ...prefix, max: 10_000 }),
        encode: (frame) => encodeLengthPrefixed(frame, prefix),
        values,
        ...(length === 'varint' && { invalid: [Buffer.alloc(12, 0xff)] }),
      }),
    );
  }
}
run(
  'fixedLength',
  codecLaws({
    decode: () => fixedLength(4),
    encode: (frame) => frame,
    values: ['abcd', 'efgh'].map((text) => Buffer.from(text)),
  }),
);
run(
  'resp',
  codecLaws({
    decode: () => resp({ strings: 'utf8', max: 100_000 }),
    encode: (value) => encodeResp(value as never, { version: 3 }),
    values: ['bulk', 7, null, true, ['nested', [1, 2], 'x'.repeat(100)]] as unknown[],
    invalid: ['?', '*x\r\n', '$-5\r\n', ':1x\r\n'],
    endless: '*1\r\n',
  }),
);

const echo: Protocol = (data$) => data$;
run(
  'an echo',
  serverLaws({
    serve: (world) => world.serving(echo),
    talks: [{ client: '-a-b-(cd)-|' }, { client: '-{big}------|', values: { big: 'x'.repeat(500) } }],
  }),
);
run(
  'the Redis of the examples',
  serverLaws({
    serve: (world) =>
      world.serving(
        redis(new Store(), {
          settings: { appendonly: 'no', save: '' },
          facts: () => ({}),
          shutdown: () => {},
        }),
      ),
    talks: [
      { client: '-s-g-|', values: { s: 'SET k v\r\n', g: '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n' } },
      {
        client: '-(psg)-q---',
        values: { p: 'PING\r\n', s: `SET a ${'x'.repeat(400)}\r\n`, g: 'GET a\r\n', q: 'QUIT\r\n' },
      },
    ],
  }),
);

/** The names of the laws that fail. */
function broken(laws: readonly Law[]): string[] {
  return laws.flatMap(({ name, check }) => {
    try {
      check();
      return [];
    } catch {
      return [name];
    }
  });
}

const line: Codec<string> = {
  decode: () => lines({ max: 1000 }),
  encode: (text) => `${text}\n`,
  values: TEXTS,
  incomplete: 'emit',
};

/** An operator that decodes each chunk by itself. */
const perChunk = (): OperatorFunction<Buffer, string> => (data$) =>
  data$.pipe(
    mergeMap((data) =>
      data
        .toString()
        .split('\n')
        .filter((text, at, all) => at < all.length - 1 || text !== ''),
    ),
  );

describe('a law of codecs', () => {
  const mutants: Record<string, { codec: Partial<Codec<string>>; law: string }> = {
    'one that changes what it carries': {
      codec: { encode: (text) => `${text.toUpperCase()}\n` },
      law: 'what is encoded is decoded',
    },
    'one that takes a chunk for a frame': {
      codec: { decode: perChunk },
      law: 'a cut at any place changes nothing',
    },
    'one that waits for the next frame': {
      codec: {
        decode: () => (data$) =>
          new Observable((subscriber) => {
            let last: string | undefined;
            return data$.pipe(lines()).subscribe({
              next: (text) => {
                if (last !== undefined) subscriber.next(last);
                last = text;
              },
              error: (error: unknown) => subscriber.error(error),
              complete: () => {
                if (last !== undefined) subscriber.next(last);
                subscriber.complete();
              },
            });
          }),
      },
      law: 'a frame comes as soon as its last byte has come, and not before',
    },
    'one that drops a cut frame': {
      codec: { incomplete: 'error' },
      law: 'an incomplete frame at the end is not passed over in silence',
    },
    'one that takes an empty chunk for a frame': {
      codec: {
        decode: () => (data$) =>
          data$.pipe(
            mergeMap((data) => (data.length === 0 ? of('wake') : of(data).pipe(lines({ rest: 'drop' })))),
          ),
      },
      law: 'an empty chunk means nothing',
    },
    'one that writes into its input': {
      codec: {
        decode: () => (data$) =>
          data$.pipe(
            map((data) => data.fill(0x20, 0, 1)),
            lines(),
          ),
      },
      law: 'the input is not changed',
    },
    'one that goes on where one was taken': {
      codec: {
        decode: () => (data$) =>
          new Observable((subscriber) => {
            data$.pipe(lines()).subscribe({
              next: (text) => subscriber.next(text),
              error: (error: unknown) => subscriber.error(error),
              complete: () => subscriber.complete(),
            });
          }),
      },
      law: 'who takes one frame gets one',
    },
    'one that hides errors': {
      codec: {
        decode: () => (data$) =>
          new Observable((subscriber) =>
            data$.pipe(lines()).subscribe({
              next: (text) => subscriber.next(text),
              error: () => subscriber.complete(),
              complete: () => subscriber.complete(),
            }),
          ),
      },
      law: 'an error of the source is passed on',
    },
    'one that takes anything': { codec: { invalid: ['\0'] }, law: '"\\0" is refused, once and for good' },
    'one that grows for ever': {
      codec: { decode: () => lines({ max: 1_000_000_000 }), endless: 'x' },
      law: 'a frame without an end is given up',
    },
  };
  for (const [what, { codec, law }] of Object.entries(mutants)) {
    it(`is broken by ${what}`, () => {
      expect(broken(codecLaws({ ...line, ...codec }))).to.include(law);
    }).timeout(30_000);
  }

  it('is broken by one that keeps views of bytes that were lent', () => {
    const decode = (): OperatorFunction<Buffer, Buffer> => (data$) => data$.pipe(map((data) => data));
    const laws = codecLaws<Buffer>({
      decode,
      encode: (frame) => frame,
      values: [Buffer.from('whole')],
      incomplete: 'drop',
    });
    expect(broken(laws)).to.not.include('what was decoded survives the next input');
  });
});

describe('a law of servers', () => {
  const talks = [{ client: '-a-b-|' }];
  const serving = (protocol: Protocol): Served => ({
    serve: (world) => world.serving(protocol),
    talks,
    errors: ['on purpose'],
  });
  const mutants: Record<string, { served: Served; law: string }> = {
    'one whose answer depends on how its input is cut': {
      served: {
        ...serving((data$) => data$.pipe(map((data) => `${data.length} `))),
        talks: [{ client: '-{big}------|', values: { big: 'x'.repeat(500) } }],
      },
      law: 'answers do not depend on the schedule',
    },
    'one whose clients share what they should not': {
      served: (() => {
        return {
          ...serving(echo),
          serve: (world) => {
            let clients = 0;
            return world.serving((data$) => {
              clients += 1;
              return data$.pipe(map((data) => `${clients}${data.toString()}`));
            });
          },
        } satisfies Served;
      })(),
      law: 'a client that goes does not disturb another',
    },
    'one that throws when a client goes early': {
      served: {
        ...serving((data$) =>
          concat(
            data$.pipe(
              map((data, index) => {
                if (index > 0) throw new Error('not on purpose');
                return data;
              }),
            ),
          ),
        ),
      },
      law: 'each connection ends once, in one order',
    },
    'one that drops what a slow client has not read': {
      served: {
        ...serving((data$, connection) => {
          connection.data$.subscribe({ complete: () => timer(5).subscribe(() => connection.destroy()) });
          return data$.pipe(map(() => 'x'.repeat(500)));
        }),
      },
      law: 'a client that reads late gets every byte',
    },
    'one that keeps a timer after its client': {
      served: {
        ...serving(echo),
        serve: (world) => {
          const server = world.serving(echo);
          server.disconnected$.subscribe(() => world.network.agenda.after(10_000_000, () => {}));
          return server;
        },
      },
      law: 'a client may reset at any time, and leaves nothing',
    },
    'one that tells an end twice': {
      served: {
        ...serving(echo),
        serve: (world) => {
          const server = world.serving(echo);
          server.disconnected$.subscribe(({ connection }) => {
            world.trace.add('server', 'closed', { connection: connection.id });
          });
          return server;
        },
      },
      law: 'each connection ends once, in one order',
    },
  };
  for (const [what, { served, law }] of Object.entries(mutants)) {
    it(`is broken by ${what}`, () => {
      expect(broken(serverLaws(served))).to.include(law);
    });
  }

  it('is kept by one that answers late', () => {
    const late: Protocol = (data$) =>
      data$.pipe(
        delay(3),
        mergeMap((data) => (data.length === 0 ? EMPTY : of(data))),
      );
    expect(broken(serverLaws(serving(late)))).to.deep.equal([]);
  });

  it('sees connections as its users do', () => {
    const seen: Connection[] = [];
    const laws = serverLaws({
      serve: (world) => {
        const server = world.serving(echo);
        server.connections$.subscribe((connection) => seen.push(connection));
        return server;
      },
      talks,
    });
    for (const { check } of laws) check();
    expect(seen.length).to.be.greaterThan(10);
  });
});
