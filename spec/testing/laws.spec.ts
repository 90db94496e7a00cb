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
import { NEVER, delay, merge, of } from 'rxjs';

import { echo as exampleEcho } from '../../examples/echo/protocol.js';
import { redis } from '../../examples/redis/protocol.js';
import { Store } from '../../examples/redis/store.js';

function run(title: string, laws: readonly Law[]): void {
  describe(`laws of codecs and servers: ${title}`, () => {
    for (const { name, check } of laws) it(name, check);
  });
}

const TEXTS = ['one', '', 'z\u00e4hlt', 'x'.repeat(300)];
const frames = TEXTS.map((text) => Buffer.from(text));

for (const [title, newline] of [
  ['LF', '\n'],
  ['CR LF', '\r\n'],
] as const) {
  run(
    `lines, ${title}`,
    codecLaws({
      decode: () => lines({ max: 1000 }),
      encode: (line) => `${line}${newline}`,
      values: TEXTS,
      incomplete: 'emit',
      endless: 'x',
      max: 1000,
      lent: true,
    }),
  );
}
run(
  'lines, as bytes, whole ones only',
  codecLaws({
    decode: () => lines({ max: 1000, encoding: 'buffer', rest: 'error' }),
    encode: (line) => Buffer.concat([line, Buffer.from('\n')]),
    values: [...frames, Buffer.from([0xff, 0, 0xdb])],
    endless: 'x',
    max: 1000,
    lent: true,
  }),
);
for (const keep of [false, true]) {
  const mark = Buffer.from('\r\n\r\n');
  run(
    `delimited, ${keep ? 'with' : 'without'} its delimiter`,
    codecLaws({
      decode: () => delimited(mark, { max: 1000, keep, rest: 'error' }),
      encode: (frame) => (keep ? frame : Buffer.concat([frame, mark])),
      values: keep ? frames.map((frame) => Buffer.concat([frame, mark])) : frames,
      endless: '\r\n\r',
      max: 1000,
      lent: true,
    }),
  );
}
/** Lengths above `max`, and those that are none. */
const INVALID = {
  u8: [],
  u16: [Buffer.alloc(2, 0xff)],
  u32: [Buffer.alloc(4, 0xff)],
  varint: [Buffer.alloc(12, 0xff), Buffer.from([0xff, 0xff, 0x7f])],
};
for (const length of ['u8', 'u16', 'u32', 'varint'] as const) {
  for (const endian of ['big', 'little'] as const) {
    for (const includesPrefix of [false, true]) {
      const prefix: LengthPrefix = { length, endian, includesPrefix };
      // A length of 0 is less than its own bytes.
      const tooSmall = includesPrefix ? [Buffer.alloc(4)] : [];
      run(
        `lengthPrefixed, ${length}, ${endian}${includesPrefix ? ', which counts itself' : ''}`,
        codecLaws({
          decode: () => lengthPrefixed({ ...prefix, max: 10_000 }),
          encode: (frame) => encodeLengthPrefixed(frame, prefix),
          values: frames.map((frame) => frame.subarray(0, 254)),
          invalid: [...INVALID[length], ...tooSmall],
          lent: true,
        }),
      );
    }
  }
}
for (const rest of ['error', 'emit', 'drop'] as const) {
  run(
    `fixedLength, rest: ${rest}`,
    codecLaws({
      decode: () => fixedLength(4, { rest }),
      encode: (frame) => frame,
      values: ['abcd', 'efgh', '\0\r\n\xff'].map((text) => Buffer.from(text, 'latin1')),
      incomplete: rest,
      lent: true,
    }),
  );
}
run(
  'resp, as texts',
  codecLaws({
    decode: () => resp({ strings: 'utf8', max: 100_000 }),
    encode: (value) => encodeResp(value as never, { version: 3 }),
    values: ['bulk', 7, null, true, ['nested', [1, 2], 'x'.repeat(100)]] as unknown[],
    invalid: ['?', '*x\r\n', '$-5\r\n', ':1x\r\n'],
    endless: '*1\r\n',
    max: 100_000,
    lent: true,
  }),
);
run(
  'resp, as bytes',
  codecLaws({
    decode: () => resp({ max: 100_000 }),
    encode: (value) => encodeResp(value as never, { version: 2 }),
    values: [Buffer.from('bulk'), 7, [Buffer.from([0xff, 0, 0x0d]), [1, Buffer.alloc(0)]]] as unknown[],
    invalid: ['$200000\r\n'],
    lent: true,
  }),
);

const echo: Protocol = (data$) => data$;
run(
  'an echo',
  serverLaws({
    serve: (world) => world.serving(echo, { highWaterMark: 300, maxQueuedBytes: 400 }),
    talks: [{ client: '-a-b-(cd)-|' }, { client: '-{big}------|', values: { big: 'x'.repeat(500) } }],
    queued: 500,
  }),
);
run(
  'the echo of the examples',
  serverLaws({
    serve: (world) => world.serving(exampleEcho(() => {})),
    talks: [{ client: '-a-b-|' }, { client: '-a-q---', values: { q: 'b\nquit\n' } }],
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
  'a server that turns everybody away',
  serverLaws({
    serve: (world) => world.serving(() => of('no\n')),
    talks: [{ client: '---|' }],
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
