// The same bytes in other segments.

import { expect } from 'chai';
import type { Protocol } from 'evio';
import { lines } from 'evio/protocols';
import { resegment, wire } from 'evio/testing';
import { EMPTY, NEVER, concat, defer, map, tap } from 'rxjs';
import { failureOf } from './failure.js';

const upper: Protocol = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));

describe('resegment', () => {
  it('looks at the end too when all bytes come in one segment', () => {
    // It ends its output only when there was more than one chunk.
    const ends: Protocol = (data$) => {
      let chunks = 0;
      return concat(
        data$.pipe(tap(() => (chunks += 1))),
        defer(() => (chunks > 1 ? EMPTY : NEVER)),
      );
    };
    const { message } = failureOf(() => resegment(ends, { client: '-a-b-|', server: '-a-b-|' }));
    expect(message).to.include('the end of the output: expected fin').and.include('come in one segment');
  });

  for (const [client, server] of [
    ['^ 30ms a', ' 51ms A'],
    ['-a', ' 40ms A'],
  ] as const) {
    it(`cuts what is sent over a link that takes time: ${client}`, () => {
      const options = { link: { latency: 10 } };
      const values = { a: 'ping\n', A: 'PING\n' };
      const forgets: Protocol = (data$) =>
        data$.pipe(
          map((data) => data.toString().split('\n').slice(0, -1).join('\n').toUpperCase()),
          map((text) => (text === '' ? text : `${text}\n`)),
        );
      wire(forgets, { client, server }, values, options);
      const { message } = failureOf(() => resegment(forgets, { client, server }, values, options));
      expect(message).to.include('are cut at 1:');
      const keeps: Protocol = (data$) =>
        data$.pipe(
          lines(),
          map((line) => `${line.toUpperCase()}\n`),
        );
      resegment(keeps, { client, server }, values, options);
    });
  }

  const line: Protocol = (data$) =>
    data$.pipe(
      lines(),
      map((text) => `${text.toUpperCase()}\n`),
    );
  const forgetful: Protocol = (data$) =>
    data$.pipe(
      map((data) =>
        data
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((text) => `${text.toUpperCase()}\n`)
          .join(''),
      ),
    );
  const lanes = { client: '--a---b--|', server: '--A---B--|' };
  const values = { a: 'ping\n', A: 'PING\n', b: 'po\nng\n', B: 'PO\nNG\n' };

  it('passes for a protocol that does not mind how its input is cut', () => {
    resegment(line, lanes, values);
  });

  it('finds the smallest cut on which an answer depends', () => {
    const { message } = failureOf(() => resegment(forgetful, lanes, values));
    expect(message).to.include(`the client's bytes are cut at 1: "p" "ing\\npo\\nng\\n"`);
    expect(message).to.include('at 2 ms the server should have sent "PING\\n", but it sent "P\\nING\\n"');
  });

  it('finds what needs several cuts at once, and leaves out the others', () => {
    const third: Protocol = (data$) => data$.pipe(map((data, index) => (index === 2 ? 'third' : data)));
    const { message } = failureOf(() => resegment(third, { client: '--a', server: '--a' }, { a: 'abcdef' }));
    expect(message).to.match(/are cut at \d, \d:/);
  });

  it('finds an answer that needs a cut', () => {
    const needy: Protocol = (data$) => data$.pipe(map((data) => (data.length > 1 ? '' : data)));
    const { message } = failureOf(() => resegment(needy, { client: '-a-b', server: '-a-b' }));
    expect(message).to.include("all of the client's bytes come in one segment");
  });

  it('fails at once when the diagram fails as it is written', () => {
    const { message } = failureOf(() => resegment(upper, { client: '-a', server: '-b' }, { a: 'x', b: 'y' }));
    expect(message).to.include('should have sent "y"').and.not.to.include('are cut');
  });
});
