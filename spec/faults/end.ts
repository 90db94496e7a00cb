// The ends of links: each does what a program says, and notes what becomes of it. What contradicts the model is told at once,
// and not thrown: a throw in a handler is input of the library under test.

import type { Socket } from 'node:net';

import type { Connection } from 'evio';
import type { Subscription } from 'rxjs';

import { codeOf } from '../support/connections.js';
import type { Flow } from './flow.js';
import type { Act } from './program.js';

/** What all ends tell. */
export interface Witness {
  /** Something happened: nobody is stuck. */
  moved(): void;
  violated(what: string): void;
}

/** How an end has ended. */
export interface Outcome {
  /** The end of input has come. */
  readonly ended: boolean;
  /** It was closed by a program's step. */
  readonly closedHere: boolean;
  readonly error: string | undefined;
}

export interface End {
  readonly name: string;
  readonly isOver: boolean;
  readonly outcome: Outcome;
  perform(act: Act, onInput: boolean): void;
  /** Lets everything go its way to the end. */
  finish(): void;
  /** Cuts it off, after a failure. */
  abandon(): void;
}

/** An end of a link that sends and checks bytes. */
export interface Endpoint extends End {
  readonly output: Flow;
  readonly input: Flow;
  readonly outputEnded: boolean;
  /** It knows a reset behind unread bytes from an end. */
  readonly tellsResets: boolean;
  /** Where the bytes of the input come from. */
  peer: Endpoint | undefined;
}

interface Surroundings {
  readonly witness: Witness;
  readonly halfOpen: boolean;
  readonly tellsResets: boolean;
  /** No step, no fault and no limit has closed anything of this link, or may have. */
  readonly intact: () => boolean;
  /** A limit of the program has closed one of its ends. */
  readonly limited: () => void;
  /** maxQueuedBytes. */
  readonly mostQueued: number;
  /** ERR_EVIO_… by which that may be. */
  readonly limits: ReadonlySet<string>;
}

/** By which the library itself closes a connection. */
const LIMITS: ReadonlySet<string> = new Set([
  'ERR_EVIO_QUEUE_FULL',
  'ERR_EVIO_IDLE_TIMEOUT',
  'ERR_EVIO_READ_TIMEOUT',
  'ERR_EVIO_WRITE_TIMEOUT',
]);

/** What is true of every connection of this library, whatever it does. */
abstract class Watched implements End {
  readonly name: string;
  readonly connection: Connection;
  protected readonly witness: Witness;
  protected readonly surroundings: Surroundings;
  protected ended = false;
  protected closedHere = false;
  #error: string | undefined;
  #closed = 0;
  #closedCompleted = 0;

  constructor(name: string, connection: Connection, surroundings: Surroundings) {
    this.name = name;
    this.connection = connection;
    this.witness = surroundings.witness;
    this.surroundings = surroundings;
  }

  /** Once everything of the end is there: it may be closed already. */
  protected watch(): void {
    const { connection } = this;
    connection.closed$.subscribe({
      next: ({ error }) => {
        this.witness.moved();
        this.#closed += 1;
        if (this.#closed > 1) this.violated('closed$ emitted again');
        this.#error = codeOf(error);
        this.#judge(this.#error);
        if (connection.bytesQueued !== 0) this.violated(`closed with ${connection.bytesQueued} bytes queued`);
        this.onClosed();
      },
      error: () => this.violated('closed$ errored'),
      complete: () => {
        this.#closedCompleted += 1;
        if (this.#closedCompleted !== this.#closed)
          this.violated('closed$ completed, and not after its value');
      },
    });
  }

  /** A limit closes what it may close, and a connection that relays stays below what may be queued. */
  #judge(code: string | undefined): void {
    if (code === undefined || !LIMITS.has(code)) return;
    if (!this.surroundings.limits.has(code)) this.violated(`${code}, and there is no such limit`);
    this.surroundings.limited();
    this.onLimited(code);
  }

  get isOver(): boolean {
    return this.#closed > 0;
  }

  get outcome(): Outcome {
    return { ended: this.ended, closedHere: this.closedHere, error: this.#error };
  }

  abandon(): void {
    this.connection.destroy();
  }

  abstract perform(act: Act, onInput: boolean): void;
  abstract finish(): void;
  protected abstract onClosed(): void;
  /** A limit has closed it. */
  protected abstract onLimited(code: string): void;

  protected violated(what: string): void {
    this.witness.violated(`${this.name}: ${what}`);
  }
}

/** A connection that is written to and read by a program. */
export class ConnectionEnd extends Watched implements Endpoint {
  readonly output: Flow;
  readonly input: Flow;
  peer: Endpoint | undefined;
  outputEnded = false;
  readonly tellsResets: boolean;
  #subscription: Subscription | undefined;
  #paused = false;
  #wakes = 0;
  #sends = 0;
  /** What is being delivered and was not given back. */
  #lastChunk: Buffer | undefined;
  readonly #onInput: Act[] = [];

  constructor(
    name: string,
    connection: Connection,
    flows: { output: Flow; input: Flow },
    surroundings: Surroundings,
  ) {
    super(name, connection, surroundings);
    this.output = flows.output;
    this.input = flows.input;
    this.tellsResets = surroundings.tellsResets;
    this.watch();
  }

  perform(act: Act, onInput: boolean): void {
    if (onInput || act.do === 'unread') this.#onInput.push(act);
    else this.#perform(act);
  }

  #perform(act: Act): void {
    const { connection } = this;
    switch (act.do) {
      case 'write':
        this.#write(act.bytes, (bytes) => connection.write(bytes));
        break;
      case 'send':
        this.#write(act.bytes, (bytes) => this.#send(bytes));
        break;
      case 'endWith':
        this.#write(act.bytes, (bytes) => connection.end(bytes));
        this.outputEnded = true;
        break;
      case 'end':
        connection.end();
        this.outputEnded = true;
        break;
      case 'pause':
        connection.pause();
        this.#paused = true;
        break;
      case 'resume':
        // Before: what is kept may be delivered as soon as it likes.
        this.#paused = false;
        connection.resume();
        break;
      case 'subscribe':
        this.#subscribe();
        break;
      case 'unsubscribe':
        this.#subscription?.unsubscribe();
        this.#subscription = undefined;
        break;
      case 'unread':
        this.#unread(act.bytes);
        break;
      case 'cork':
        connection.cork();
        break;
      case 'uncork':
        connection.uncork();
        break;
      case 'wake':
        this.#wakes += 1;
        connection.wake();
        break;
      case 'destroy':
        this.#close(() => connection.destroy());
        this.output.cut = true;
        break;
      case 'reset':
        this.#close(() => connection.reset());
        break;
    }
    // Nobody takes the rest, and the library drops it so that it sees the end behind.
    const abandoned = this.#subscription === undefined && !this.#paused && this.outputEnded;
    if (abandoned && !this.surroundings.halfOpen) this.input.mayLose = true;
  }

  #close(close: () => void): void {
    if (!this.isOver) this.closedHere = true;
    close();
  }

  #write(length: number, write: (bytes: Buffer) => void): void {
    const { connection } = this;
    const queued = connection.bytesQueued;
    const before = connection.bytesWritten + queued;
    const over = this.isOver;
    write(this.output.next(length));
    const full = !over && this.isOver && this.outcome.error === 'ERR_EVIO_QUEUE_FULL';
    if (full && queued <= this.surroundings.mostQueued) this.violated(`full with ${queued} bytes queued`);
    const accepted = full ? 0 : connection.bytesWritten + connection.bytesQueued - before;
    if (accepted !== 0 && accepted !== length) this.violated(`accepted ${accepted} bytes of ${length}`);
    this.output.written += accepted;
    if (this.outputEnded && accepted > 0) this.violated('accepted bytes after the end');
    const open = !this.outputEnded && !this.ended && this.peer?.outputEnded === false;
    if (open && this.surroundings.intact() && accepted !== length) this.violated('refused bytes');
  }

  #send(bytes: Buffer): void {
    const until = this.output.written + bytes.length;
    let outcomes = 0;
    let waits = false;
    const settled = (): void => {
      this.witness.moved();
      outcomes += 1;
      if (waits) this.#sends -= 1;
      if (outcomes > 1) this.violated('send() settled again');
    };
    let emitted = 0;
    this.connection.send(bytes).subscribe({
      next: () => (emitted += 1),
      error: settled,
      complete: () => {
        settled();
        if (emitted !== 1) this.violated(`send() completed with ${emitted} values`);
        if (this.connection.bytesWritten < until) this.violated('send() completed before it was sent');
      },
    });
    // One that finds the queue full closes the connection, and fails when that is done.
    waits = outcomes === 0;
    if (waits) this.#sends += 1;
  }

  #subscribe(): void {
    if (this.#subscription !== undefined) return;
    let completed = false;
    const subscription = this.connection.data$.subscribe({
      next: (chunk) => this.#received(chunk, subscription),
      error: () => this.violated('data$ errored'),
      complete: () => {
        this.witness.moved();
        if (completed) this.violated('data$ completed again');
        completed = true;
        if (this.isOver && this.#subscription !== undefined) this.violated('data$ completed after closed$');
        this.ended = true;
        this.#subscription = undefined;
      },
    });
    if (!completed) this.#subscription = subscription;
  }

  #received(chunk: Buffer, subscription: Subscription): void {
    this.witness.moved();
    if (this.#subscription !== subscription) this.violated('input after unsubscribe()');
    if (this.#paused) this.violated('input after pause()');
    if (this.isOver) this.violated('input after closed$');
    if (this.ended) this.violated('input after its end');
    if (this.closedHere) this.violated('input after it was closed');
    if (chunk.length === 0) {
      if (this.#wakes === 0) this.violated('an empty chunk, and no wake');
      this.#wakes = 0;
      return;
    }
    const wrong = this.input.receive(chunk);
    if (wrong !== undefined) this.violated(wrong);
    this.#lastChunk = chunk;
    for (const act of this.#onInput.splice(0)) this.#perform(act);
    this.#lastChunk = undefined;
  }

  #unread(bytes: number): void {
    if (this.#lastChunk === undefined || this.isOver || this.closedHere) return;
    const at = this.#lastChunk.length - Math.min(bytes, this.#lastChunk.length);
    const back = this.#lastChunk.subarray(at);
    this.#lastChunk = this.#lastChunk.subarray(0, at);
    this.input.received -= back.length;
    this.connection.unread(back);
  }

  finish(): void {
    this.#onInput.length = 0;
    this.#perform({ do: 'subscribe' });
    this.#perform({ do: 'resume' });
    this.#perform({ do: 'end' });
  }

  protected onClosed(): void {
    if (this.#subscription !== undefined) this.violated('closed$ before data$ completed');
    if (this.#sends > 0) this.violated(`closed with ${this.#sends} sends that have not settled`);
    const { bytesRead, bytesWritten } = this.connection;
    if (bytesRead !== this.input.received)
      this.violated(`bytesRead is ${bytesRead}, not ${this.input.received}`);
    if (bytesWritten > this.output.written)
      this.violated(`bytesWritten is ${bytesWritten} of ${this.output.written}`);
  }

  protected onLimited(): void {}
}

/** A connection of the server whose input goes elsewhere by itself. */
export class RelayEnd extends Watched {
  readonly #relay: () => Subscription;
  /** All that goes through here. */
  readonly #flows: readonly Flow[];
  readonly #loosened: () => void;
  #subscription: Subscription | undefined;

  constructor(
    name: string,
    connection: Connection,
    surroundings: Surroundings,
    relay: { start: () => Subscription; flows: readonly Flow[]; loosened: () => void },
  ) {
    super(name, connection, surroundings);
    this.#relay = relay.start;
    this.#flows = relay.flows;
    this.#loosened = relay.loosened;
    this.watch();
  }

  perform(act: Act): void {
    const { connection } = this;
    switch (act.do) {
      case 'pause':
        connection.pause();
        break;
      case 'resume':
        if (this.#subscription !== undefined) connection.resume();
        break;
      case 'wake':
        connection.wake();
        break;
      case 'subscribe':
        this.start();
        break;
      case 'unsubscribe':
        // Paused meanwhile: otherwise it might be that nobody wants its input.
        connection.pause();
        this.#subscription?.unsubscribe();
        this.#subscription = undefined;
        this.#loosened();
        break;
      case 'destroy':
      case 'reset':
        // What is closed on purpose has ended as far as a relay's other side is concerned.
        for (const flow of this.#flows) flow.cut = true;
        if (!this.isOver) this.closedHere = true;
        if (act.do === 'destroy') connection.destroy();
        else connection.reset();
        break;
      case 'write':
      case 'send':
      case 'end':
      case 'endWith':
      case 'unread':
      case 'cork':
      case 'uncork':
        break; // what comes out here comes in elsewhere
    }
  }

  start(): void {
    this.#subscription ??= this.#relay();
    this.connection.resume();
  }

  finish(): void {
    this.start();
  }

  protected onClosed(): void {}

  protected onLimited(code: string): void {
    if (code === 'ERR_EVIO_QUEUE_FULL') this.violated('reads more than it can pass on');
    // An echo has sent back all that it was given, and ends in the middle of what is still to come.
    if (this.#flows.length === 1) for (const flow of this.#flows) flow.cut = true;
  }
}

/** A client made by node:net: what the other side must look like from the outside. */
export class SocketEnd implements Endpoint {
  readonly name: string;
  readonly output: Flow;
  readonly input: Flow;
  readonly socket: Socket;
  peer: Endpoint | undefined;
  outputEnded = false;
  /** libuv takes POLLHUP after a short read for the end, whatever the socket's error is. */
  readonly tellsResets = false;
  isOver = false;
  #ended = false;
  #closedHere = false;
  #error: string | undefined;
  readonly #onInput: Act[] = [];

  constructor(
    name: string,
    socket: Socket,
    flows: { output: Flow; input: Flow },
    { witness }: Pick<Surroundings, 'witness'>,
  ) {
    this.name = name;
    this.socket = socket;
    this.output = flows.output;
    this.input = flows.input;
    socket.on('data', (chunk: Buffer) => {
      witness.moved();
      const wrong = this.input.receive(chunk);
      if (wrong !== undefined) witness.violated(`${name}: ${wrong}`);
      for (const act of this.#onInput.splice(0)) this.#perform(act);
    });
    socket.on('end', () => {
      witness.moved();
      this.#ended = true;
    });
    socket.on('error', (error) => (this.#error = codeOf(error)));
    socket.on('close', () => {
      witness.moved();
      this.isOver = true;
    });
    socket.pause();
  }

  get outcome(): Outcome {
    return { ended: this.#ended, closedHere: this.#closedHere, error: this.#error };
  }

  perform(act: Act, onInput: boolean): void {
    if (onInput) this.#onInput.push(act);
    else this.#perform(act);
  }

  #perform(act: Act): void {
    const { socket } = this;
    switch (act.do) {
      case 'write':
      case 'send':
        this.#write(act.bytes);
        break;
      case 'endWith':
        this.#write(act.bytes);
        this.#end();
        break;
      case 'end':
        this.#end();
        break;
      case 'pause':
      case 'unsubscribe':
        socket.pause();
        break;
      case 'resume':
      case 'subscribe':
        socket.resume();
        break;
      case 'cork':
        socket.cork();
        break;
      case 'uncork':
        socket.uncork();
        break;
      case 'destroy':
        this.output.cut = true;
        this.#close(() => socket.destroy());
        break;
      case 'reset':
        // Once it has ended node:net cannot reset it any more: EINVAL, and it never closes.
        // And a unix socket has no reset.
        if (this.outputEnded || socket.remoteAddress === undefined) return this.#perform({ do: 'destroy' });
        this.#close(() => socket.resetAndDestroy());
        break;
      case 'unread':
      case 'wake':
        break; // it has nothing of the kind
    }
  }

  #write(length: number): void {
    if (this.outputEnded || !this.socket.writable) return;
    this.socket.write(this.output.next(length));
    this.output.written += length;
  }

  #end(): void {
    this.outputEnded = true;
    this.socket.end();
  }

  #close(close: () => void): void {
    if (this.socket.destroyed) return;
    this.#closedHere = true;
    close();
  }

  finish(): void {
    this.#onInput.length = 0;
    this.socket.resume();
    this.#end();
  }

  abandon(): void {
    this.socket.destroy();
  }
}
