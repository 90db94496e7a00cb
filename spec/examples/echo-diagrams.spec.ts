// The echo protocol of the examples, proved by diagrams, each of them with its bytes cut in every way.

import type { Server } from 'evio';
import { resegment, simulate } from 'evio/testing';
import type { WireOptions } from 'evio/testing';

import { BANNER, echo } from '../../examples/echo/protocol.js';

const protocol = echo(() => {});
const VALUES = {
  B: BANNER,
  a: 'hello\n',
  b: 'part of a line',
  n: '\n',
  r: '\r\n',
  Q: 'quit\n',
  S: 'shutdown\n',
};

/** Both lanes, however the client's bytes are cut. */
function proves(client: string, server: string, options: WireOptions & { coalesced?: boolean } = {}): void {
  resegment(protocol, { client, server }, VALUES, options);
}

describe('diagrams: the echo protocol', () => {
  it('greets at once, and sends back what comes', () => {
    proves('^-a--b-|', 'B-a--b-|');
  });

  it('answers a request that comes together with FIN', () => {
    proves('^-(a|)', 'B-(a|)');
  });

  it('greets who says nothing but FIN', () => {
    proves('(^|)', '(B|)');
  });

  it('ends the connection that says quit', () => {
    proves('^-a-Q', 'B-a-(Q|)');
    proves("^-'quit\\r\\n'", "B-('quit\\r\\n'|)");
  });

  it('knows a command that comes letter by letter', () => {
    proves('^-q-u-i-t-n', 'B-q-u-i-t-(n|)');
    proves('^-(quit)-r', 'B-(quit)-(r|)');
    proves('^-(nQ)', 'B-(nQ|)');
    proves("^-' '--n-(aQ)", "B-' '--n-(aQ|)");
  });

  it('knows no command inside another line', () => {
    proves("^-'quit now\\n'-|", "B-'quit now\\n'-|");
    proves("^-'please '--Q-|", "B-'please '--Q-|");
    proves("^-'quit\\rquit'--n-|", "B-'quit\\rquit'--n-|");
    proves(`^-'${'x'.repeat(40)}'Q--|`, `B-'${'x'.repeat(40)}'Q--|`);
  });

  it('echoes nothing of what follows a command, cut off from it or not', () => {
    proves('^-(aQb)', 'B-(aQ|)');
    proves('^-(SQ)', 'B-(S|)');
  });

  it('echoes bytes, not characters', () => {
    proves('^-<ff 00 c3 28 0a>-|', 'B-<ff 00 c3 28 0a>-|');
  });

  it('loses nothing of what came before a reset', () => {
    proves('^-a-b-#', 'B-a-b');
  });

  it('has nothing to say to a client that has closed', () => {
    proves('^-b-!', 'B-b');
  });

  it('ends who is silent for too long', () => {
    proves('^-a 20ms |', 'B-a 9ms |', { listen: { idleTimeout: 10 }, coalesced: false });
  });

  it('waits while the client does not read, and goes on when it reads again', () => {
    const text = 'x'.repeat(5000);
    simulate(
      (world) => {
        world.serving(protocol, { highWaterMark: 1000, lowWaterMark: 100 });
        const client = world.client('^-[a--------]-|', { a: text });
        world.expectBytes(client).toBe(BANNER + text);
        world.expectReading(client).toBe('^--!--------^-!');
      },
      { sendBuffer: 500, receiveBuffer: 500 },
    );
  });

  it('closes every connection and the server at shutdown, and nothing else does', () => {
    simulate((world) => {
      const server: Server = world.serving(echo(() => void server.close()));
      const [first, second, late] = [
        world.client('^-a--S', VALUES),
        world.client('^-Q', VALUES),
        world.client('-----^', VALUES),
      ];
      const third = world.client('^--a', VALUES);
      world.expectWire(first).toBe('B-a--(S|)');
      world.expectWire(second).toBe('B-(Q|)');
      world.expectWire(third).toBe('B--a-|');
      world.expectWire(late).toBe('-----#');
    });
  });
});
