// The load generator of the benchmarks, in a process of its own, while the server closes: a request that a protocol was
// given has been accepted, and the generator counts as many whole replies.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import type { Protocol, Server } from 'evio';
import { lines } from 'evio/protocols';
import { map, of, tap, timer } from 'rxjs';
import type { Observable } from 'rxjs';

import { LOAD_GENERATOR, compiled } from '../../bench/compiled.js';
import { LoadGenerator } from '../../bench/load-generator.js';
import { until, valuesOf } from '../../support/connections.js';
import { closeServers, listening, portOf } from '../../support/servers.js';
import { overPollersWith } from '../../support/tools.js';

const CONNECTIONS = 40;
const PIPELINE = 16;
const REQUEST = 'PING\r\n';
const REPLY = '+PONG\r\n';
/** It is told to close after so many. */
const BEFORE_THE_END = 5000;

const WORK: Readonly<Record<string, () => Observable<unknown>>> = {
  'at once': () => of(undefined),
  'after a while': () => timer(3),
};

overPollersWith('c++', 'the load generator, while the server closes', (poller) => {
  const generators: LoadGenerator[] = [];
  before(function () {
    this.timeout(60_000);
    compiled(LOAD_GENERATOR);
  });
  afterEach(() => Promise.all(generators.splice(0).map((generator) => generator.stop())));
  afterEach(closeServers);

  async function loaded(server: Server): Promise<LoadGenerator> {
    const talk = { request: REQUEST, reply: REPLY, depth: PIPELINE };
    const generator = new LoadGenerator(portOf(server), CONNECTIONS, talk);
    generators.push(generator);
    await generator.open();
    await until(() => server.connections.size === CONNECTIONS);
    return generator;
  }

  for (const [when, work] of Object.entries(WORK)) {
    it(`gets a whole reply to every request that was accepted, from a protocol that answers ${when}`, async () => {
      let accepted = 0;
      const protocol: Protocol = (data$) =>
        data$.pipe(
          lines({ rest: 'drop' }), // the end may come in the middle of a request
          tap(() => accepted++),
          paced(() => work().pipe(map(() => REPLY)), { concurrency: PIPELINE, ordered: true }),
        );
      const server = await listening(poller);
      server.connections$.pipe(serveEach(protocol)).subscribe();
      const gone = valuesOf(server.disconnected$);
      const generator = await loaded(server);
      const seen = generator.untilTheEnd();
      await until(() => accepted > BEFORE_THE_END);
      const outcome = await server.close({ timeout: 20_000 });
      expect(outcome).to.deep.equal({ drained: CONNECTIONS, forced: 0 });
      expect((await seen).count).to.equal(accepted);
      expect(gone.map(({ error }) => error)).to.deep.equal(gone.map(() => undefined));
    }).timeout(60_000);
  }
});
