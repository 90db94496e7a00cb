// paced(): while work is in flight the socket is not read.

import { expect } from 'chai';
import { paced, serveEach } from 'evio';
import type { PacedOptions } from 'evio';
import { Subject, concatMap, from, map, of, throwError, toArray } from 'rxjs';

import { KIB, MIB, hash, pattern } from '../../support/bytes.js';
import { codeOf, valuesOf } from '../../support/connections.js';
import { conformance } from '../conformance.js';

conformance('paced()', (harness) => {
  it('takes one chunk at a time, in order, and loses none', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    let working = 0;
    let most = 0;
    connection.data$
      .pipe(
        paced(async (data) => {
          most = Math.max(most, ++working);
          await harness.turns(1);
          working -= 1;
          return data;
        }),
      )
      .subscribe(connection);
    const bytes = pattern(4 * MIB, 2);
    peer.fin(bytes);
    const { received, ended } = await peer.over();
    expect([ended, hash(received), most]).to.deep.equal([true, hash(bytes), 1]);
  });

  it('pushes back on a peer that sends faster than work is done', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const work = new Subject<string>();
    const began: Buffer[] = [];
    connection.data$
      .pipe(
        paced((data) => {
          began.push(data);
          return work;
        }),
      )
      .subscribe();
    peer.send(pattern(64 * MIB));
    const read = await harness.steady(() => connection.bytesRead);
    expect([began.length, connection.bytesRead]).to.deep.equal([1, read]);
    expect(read).to.be.at.most(256 * KIB);
    expect(peer.unsent).to.be.above(0);
    work.complete();
    await harness.until(() => began.length > 10);
  });

  it('leaves the user’s own pause alone', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const done: string[] = [];
    connection.data$.pipe(paced((data) => of(String(data)))).subscribe((text) => done.push(text));
    peer.send('one');
    await harness.until(() => done.length === 1);
    connection.pause();
    peer.send('two');
    await harness.settle();
    expect(done).to.deep.equal(['one']);
    connection.resume();
    await harness.until(() => done.length === 2);
  });

  it('with a concurrency works on that many, and reads again at lowWater', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const jobs: Subject<string>[] = [];
    const results: string[] = [];
    connection.data$
      .pipe(
        concatMap((data) => from(String(data))),
        paced(
          () => {
            const job = new Subject<string>();
            jobs.push(job);
            return job;
          },
          { concurrency: 3, highWater: 5, lowWater: 1, connection },
        ),
      )
      .subscribe((result) => results.push(result));
    peer.send('abcd');
    await harness.until(() => jobs.length === 3);
    peer.send('ef');
    await harness.until(() => connection.bytesRead === 6);
    peer.send('gh');
    await harness.settle();
    expect([jobs.length, connection.bytesRead]).to.deep.equal([3, 6]);
    const finish = (index: number): void => {
      jobs[index]?.next(`done ${index}`);
      jobs[index]?.complete();
    };
    for (const index of [2, 0, 1, 3]) finish(index);
    await harness.settle();
    expect([jobs.length, connection.bytesRead]).to.deep.equal([6, 6]);
    finish(4);
    await harness.until(() => connection.bytesRead === 8);
    expect(results).to.deep.equal(['done 2', 'done 0', 'done 1', 'done 3', 'done 4']);
  });

  it('ordered gives the results in the order of the values, whichever is done first', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const jobs = new Map<string, Subject<string>>();
    const results: string[] = [];
    const options: PacedOptions = { concurrency: 4, ordered: true, connection };
    connection.data$
      .pipe(
        concatMap((data) => from(String(data))),
        paced((letter) => {
          const job = new Subject<string>();
          jobs.set(letter, job);
          return job;
        }, options),
      )
      .subscribe((result) => results.push(result));
    peer.send('abcd');
    await harness.until(() => jobs.size === 4);
    for (const letter of ['c', 'b', 'd']) {
      jobs.get(letter)?.next(`${letter}1`);
      jobs.get(letter)?.next(`${letter}2`);
      jobs.get(letter)?.complete();
    }
    expect(results).to.deep.equal([]);
    jobs.get('a')?.next('a1');
    expect(results).to.deep.equal(['a1']);
    jobs.get('a')?.complete();
    expect(results).to.deep.equal(['a1', 'b1', 'b2', 'c1', 'c2', 'd1', 'd2']);
  });

  it('errors when work fails, and lets go of the socket', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const errors: (string | undefined)[] = [];
    connection.data$
      .pipe(paced(() => throwError(() => new Error('no luck'))))
      .subscribe({ error: (error: Error) => errors.push(codeOf(error)) });
    peer.send('x');
    await harness.until(() => errors.length > 0);
    expect(errors).to.deep.equal(['no luck']);
    const rest = valuesOf(connection.data$);
    peer.send('y');
    await harness.until(() => rest.length > 0);
  });

  it('lets go of the socket when it is unsubscribed from', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    const working: Buffer[] = [];
    const subscription = connection.data$
      .pipe(paced((data) => (working.push(data), new Subject<never>())))
      .subscribe();
    peer.send('x');
    await harness.until(() => working.length === 1);
    subscription.unsubscribe();
    const rest = valuesOf(connection.data$);
    peer.send('y');
    await harness.until(() => rest.length > 0);
    expect(String(rest[0])).to.equal('y');
  });

  it('works off thousands of values at once behind one that took its time', async () => {
    const server = await harness.listening();
    const { peer, connection } = await harness.pair(server);
    let count = 0;
    let over = false;
    connection.data$
      .pipe(
        concatMap((data) => from(String(data))),
        paced((letter, index) => (index === 0 ? Promise.resolve(letter) : of(letter)), { connection }),
      )
      .subscribe({ next: () => (count += 1), complete: () => (over = true) });
    peer.fin('a'.repeat(30_000));
    await harness.until(() => over);
    expect(count).to.equal(30_000);
  });

  it('keeps the order when a result ends the work behind it', () => {
    const jobs = [new Subject<string>(), new Subject<string>(), new Subject<string>()];
    const results: string[] = [];
    from(jobs)
      .pipe(paced((job) => job, { concurrency: 3, ordered: true }))
      .subscribe((result) => {
        results.push(result);
        if (result === 'b1') jobs[1]?.complete();
      });
    for (const text of ['b1', 'b2']) jobs[1]?.next(text);
    jobs[2]?.next('c1');
    jobs[2]?.complete();
    jobs[0]?.complete();
    expect(results).to.deep.equal(['b1', 'b2', 'c1']);
  });

  it('holds the connection of a protocol too', async () => {
    const server = await harness.listening();
    const work = new Subject<string>();
    server.connections$
      .pipe(
        serveEach((data$) =>
          data$.pipe(
            paced(() => work),
            map((text) => text.toUpperCase()),
          ),
        ),
      )
      .subscribe();
    const { peer, connection } = await harness.pair(server);
    peer.send(pattern(16 * MIB));
    expect(await harness.steady(() => connection.bytesRead)).to.be.at.most(256 * KIB);
    work.next('answer');
    await peer.receives('ANSWER');
  });

  it('of any other stream is a mergeMap with a concurrency', () => {
    const heard: unknown[] = [];
    from([1, 2, 3])
      .pipe(
        paced((value, index) => of(value * 10 + index), { concurrency: 2 }),
        toArray(),
      )
      .subscribe((all) => heard.push(all));
    expect(heard).to.deep.equal([[10, 21, 32]]);
  });

  it('refuses what it cannot do', () => {
    const project = (): string => '';
    expect(() => paced(undefined as never)).to.throw(TypeError, 'project');
    for (const wrong of [
      { concurrency: 0 },
      { concurrency: 1.5 },
      { highWater: 0 },
      { highWater: 3, lowWater: 3 },
    ]) {
      expect(() => paced(project, wrong)).to.throw(RangeError, /paced: \w+ must be an integer/);
    }
    expect(() => paced(project, { connection: {} as never })).to.throw(TypeError, 'connection');
  });
});
