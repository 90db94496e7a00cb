// Expectations that nobody would look at: of a run that is over, or begun and never said.

import { expect } from 'chai';
import { listen } from 'evio';
import type { Protocol, Server } from 'evio';
import { simulate } from 'evio/testing';
import type { WireClient, World } from 'evio/testing';
import { EMPTY, map } from 'rxjs';
import { failureOf } from './failure.js';

const upper: Protocol = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));

const BEGINNINGS: Readonly<
  Record<string, (world: World, its: { readonly server: Server; readonly client: WireClient }) => unknown>
> = {
  expectWire: (world, { client }) => world.expectWire(client),
  expectBytes: (world, { client }) => world.expectBytes(client),
  expectEnds: (world, { client }) => world.expectEnds(client),
  expectChunks: (world, { client }) => world.expectChunks(client),
  expectReading: (world, { client }) => world.expectReading(client),
  expectQueued: (world, { client }) => world.expectQueued(client),
  expectDrained: (world, { client }) => world.expectDrained(client),
  expectTrace: (world) => world.expectTrace(),
  expectErrors: (world, { server }) => world.expectErrors(server),
  expectCallbacks: (world) => world.expectCallbacks(world.record({})),
  expectObservable: (world) => world.expectObservable(EMPTY),
  expectSubscriptions: (world) => world.expectSubscriptions(world.cold('-a|').subscriptions),
};

/** Works as RxJS has it: without `toBe` it only subscribes. */
const OF_RXJS: readonly string[] = ['expectObservable', 'expectSubscriptions'];

describe('what nobody would look at', () => {
  for (const [name, begin] of Object.entries(BEGINNINGS)) {
    it(`is refused: ${name} of a run that is over`, async () => {
      const run = simulate(async (world) => {
        const server = world.serving(upper);
        const client = world.client('-a');
        await Promise.resolve();
        begin(world, { server, client });
      });
      const error: unknown = await run.catch((reason: unknown) => reason);
      expect(error).to.be.an.instanceOf(Error).with.property('message').that.includes('needs simulateAsync');
    });
  }

  for (const [name, begin] of Object.entries(BEGINNINGS).filter(([name]) => !OF_RXJS.includes(name))) {
    it(`fails the run: ${name} that does not say what is expected`, () => {
      const { message } = failureOf(() =>
        simulate(
          (world) => {
            const server = world.serving(upper);
            begin(world, { server, client: world.client("--'a'--|") });
          },
          { title: 'a title', notes: ['a note'] },
        ),
      );
      const [head, ...notes] = message.split('\n\n');
      expect(head).to.match(new RegExp(`^a title: nothing says what is expected: ${name}\\(…\\) without to`));
      expect(notes).to.include('a note');
    });
  }

  it('does not hide what else is wrong: an expectation that does not say what is expected', () => {
    const { message } = failureOf(() =>
      simulate((world) => {
        world.serving(upper);
        const client = world.client("--'a'--|");
        world.expectBytes(client);
        world.expectBytes(client).toBe('B');
      }),
    );
    expect(message).to.include('expected 1 byte');
  });

  it('has been said all the same: a lane that cannot be read', () => {
    simulate((world) => {
      world.serving(upper);
      const client = world.client("--'a'--|");
      expect(() => world.expectWire(client).toBe('--(a')).to.throw();
      expect(() => world.expectReading(client).toBe('-(')).to.throw();
    });
  });

  it('excuses nothing: expectErrors that says nothing', () => {
    const { message } = failureOf(() =>
      simulate((world) => {
        const server = world.serving(() => {
          throw new Error('on purpose');
        });
        world.client('-a');
        world.expectErrors(server);
      }),
    );
    expect(message).to.equal('on purpose');
  });

  it('is found all the same: what another poller has left open', () => {
    const { message } = failureOf(() =>
      simulate((world) => {
        listen('tcp://127.0.0.1:0', { poller: world.another('other') });
      }),
    );
    expect(message).to.include('1 sockets of the poller "other" are still open');
  });
});
