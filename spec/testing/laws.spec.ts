// The laws of codecs and servers: ours keep them. That each can be broken is in codec-laws.spec.ts and server-laws.spec.ts.

import { listen, serveEach } from 'evio';
import type { Protocol } from 'evio';
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
import type { Law } from 'evio/testing';
import { NEVER, delay, merge } from 'rxjs';

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
    lent: true,
  }),
);
run(
  'delimited',
  codecLaws({
    decode: () => delimited('\r\n\r\n', { max: 1000, rest: 'error' }),
    encode: (frame) => Buffer.concat([frame, Buffer.from('\r\n\r\n')]),
    values: frames,
    endless: '\r\n\r',
    lent: true,
  }),
);
/** Lengths above `max`, and those that are none. */
const INVALID = {
  u8: [],
  u16: [Buffer.alloc(2, 0xff)],
  u32: [Buffer.alloc(4, 0xff)],
  varint: [Buffer.alloc(12, 0xff), Buffer.from([0xff, 0xff, 0x7f])],
};
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
        invalid: INVALID[length],
        lent: true,
      }),
    );
  }
}
run(
  'fixedLength',
  codecLaws({
    decode: () => fixedLength(4),
    encode: (frame) => frame,
    values: ['abcd', 'efgh', '\0\r\n\xff'].map((text) => Buffer.from(text, 'latin1')),
    lent: true,
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
    lent: true,
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
run(
  'a server that answers late',
  serverLaws({
    serve: (world) => world.serving((data$) => data$.pipe(delay(3))),
    talks: [{ client: '-a-b-|' }, { client: '-a--#' }],
  }),
);
run(
  'a server that was made by listen()',
  serverLaws({
    serve: ({ poller }) => {
      const server = listen('tcp://127.0.0.1:0', { poller });
      server.connections$.pipe(serveEach(echo)).subscribe();
      return server;
    },
    talks: [{ client: '  20ms ^a--|' }],
  }),
);
run(
  'a server that serves on when its client has sent FIN',
  serverLaws({
    serve: (world) => void world.serving((data$) => merge(data$, NEVER)),
    talks: [{ client: '-a-b-|' }],
    halfOpen: true,
  }),
);
