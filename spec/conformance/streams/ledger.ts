// Every connection that a server accepts, with the journal of its end: what "exactly once" is read from.

import { expect } from 'chai';
import type { Connection, Server } from 'evio';

import { journalOf } from '../../support/connections.js';
import type { Journal } from '../../support/connections.js';
import type { Harness, Pair } from '../harness.js';

/** What a journal says of a connection whose data$ it does not read. */
export const ONE_END: readonly string[] = ['closed$', 'closed$ completes', 'disconnected$'];

export class Ledger {
  readonly server: Server;
  readonly connections: Connection[] = [];
  readonly #harness: Harness;
  readonly #journals = new Map<Connection, Journal>();

  /** To be made before anybody else subscribes, so that it hears of everything first. It accepts. */
  constructor(harness: Harness, server: Server) {
    this.#harness = harness;
    this.server = server;
    server.connections$.subscribe((connection) => {
      this.connections.push(connection);
      this.#journals.set(connection, journalOf(server, connection, { reading: false }));
    });
  }

  /** One more client; unlike the harness's own pair, also when its announcement closes the server. */
  async enter(): Promise<Pair> {
    const number = this.connections.length;
    const peer = await this.#harness.connect(this.server);
    await this.#harness.until(() => this.connections.length > number);
    return { peer, connection: this.connections[number]! };
  }

  async enterMany(count: number): Promise<Pair[]> {
    const made: Pair[] = [];
    while (made.length < count) made.push(await this.enter());
    return made;
  }

  journal(connection: Connection): Journal {
    const journal = this.#journals.get(connection);
    if (journal === undefined) throw new Error(`connection ${connection.id} was never announced`);
    return journal;
  }

  events(connection: Connection): readonly string[] {
    return this.journal(connection).events;
  }

  /** The error on closed$, once that has spoken. */
  error(connection: Connection): Error | undefined {
    return this.journal(connection).errors[0];
  }

  /** Waits until all these are over, and then holds them to one end each: nothing missing, nothing twice. */
  async expectOneEndEach(connections: readonly Connection[] = this.connections): Promise<void> {
    await Promise.all(connections.map((connection) => this.journal(connection).over));
    await this.#harness.turns();
    for (const connection of connections) {
      expect(this.events(connection), `of connection ${connection.id}`).to.deep.equal(ONE_END);
      expect(this.server.connections.has(connection.id)).to.equal(false);
    }
  }

  /** Ends all that are left, and holds every connection that there has ever been to one end. */
  async expectOneEndOfAll(): Promise<void> {
    for (const connection of [...this.server.connections.values()]) connection.destroy();
    await this.expectOneEndEach();
    expect(this.server.connections.size).to.equal(0);
  }
}
