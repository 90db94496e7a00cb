// Whatever is done to many connections, in whatever order, inside and outside of events: bytes in are bytes out, nothing
// comes when it should not, and each connection ends once. The lives are random, and the same for the same seed.

import { expect } from 'chai';

import { KIB } from '../../support/bytes.js';
import { conformance } from '../conformance.js';
import { Life, Random } from './interleaving.js';
import { Ledger } from './ledger.js';

const CONNECTIONS = 20;
const STEPS = 800;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

conformance(`${STEPS} random steps of ${CONNECTIONS} connections`, (harness) => {
  for (const seed of SEEDS) {
    it(`lose nothing, double nothing and end once: seed ${seed}`, async () => {
      // Half open, so that a connection ends when its life does and not before; a low mark, so that it is met often.
      const server = await harness.listening({
        halfOpen: true,
        maxQueuedBytes: Infinity,
        highWaterMark: 128 * KIB,
      });
      const random = new Random(seed);
      const ledger = new Ledger(harness, server);
      const pairs = await ledger.enterMany(CONNECTIONS);
      const lives = pairs.map((pair) => new Life(pair, random));
      const step = (): void => random.of(random.of(lives).steps)();
      for (const life of lives) life.inside = () => random.below(3) === 0 && step();

      for (let i = 0; i < STEPS; i++) {
        step();
        if (random.below(4) > 0) continue;
        await harness.turns(1);
        for (const life of lives) life.check();
      }
      for (const life of lives) life.finish();
      await ledger.expectOneEndEach();
      await harness.until(() => pairs.every(({ peer }) => peer.isOver));
      for (const life of lives) life.checkOutcome();
      expect(ledger.connections.map((connection) => ledger.error(connection))).to.deep.equal(
        pairs.map(() => undefined),
      );
      await ledger.expectOneEndOfAll();
    });
  }
});
