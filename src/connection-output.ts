// The output half of a connection: what is written goes out in order, bounded, and tells when it has gone.

import { Observable } from 'rxjs';
import type { Subscriber } from 'rxjs';

import { copyBytes, toBytes } from './bytes.js';
import type { Bytes } from './bytes.js';
import { ConnectionInput } from './connection-input.js';
import { BROKEN, CLOSED, CONGESTED, MISUSED, OUTPUT_ENDED } from './connection-state.js';
import type { Extra } from './connection-state.js';
import { EvioError } from './errors.js';
import { guarded } from './poller/guarded.js';
import { isLent } from './window.js';

export abstract class ConnectionOutput extends ConnectionInput {
  bytesWritten = 0;
  bytesQueued = 0;
  /** Closes without having been asked to by the user: what the peer has got must not look whole. */
  abstract cut(error?: Error): void;
  /** A mistake that concerns this connection and does not close it. */
  protected abstract reportMistake(error: EvioError): void;

  flushed(taken: number): void {
    this.bytesQueued -= taken;
    this.bytesWritten += taken;
    this.extra?.timeouts?.taken(this.bytesQueued === (this.extra.corkedBytes ?? 0));
    if (this.extra?.sends !== undefined) this.completeSends(this.extra.sends);
    if (this.is(CONGESTED) && this.bytesQueued <= this.host.limits.lowWaterMark) this.drained();
    if (this.is(OUTPUT_ENDED)) this.closeIfDone();
  }

  write(bytes: Bytes): boolean {
    const output = toBytes(bytes);
    this.reportMisuse();
    return this.queue(output, 0, output.length);
  }

  relay(source: Buffer, start: number, end: number): void {
    this.queue(source, start, end);
  }

  protected queue(source: Uint8Array, start: number, end: number): boolean {
    if (this.is(OUTPUT_ENDED | CLOSED | BROKEN)) return false;
    const { highWaterMark, maxQueuedBytes } = this.host.limits;
    if (start === end) return this.bytesQueued <= highWaterMark;
    if (this.bytesQueued > maxQueuedBytes && this.queuedNow() > maxQueuedBytes) {
      this.cut(
        new EvioError(
          'ERR_EVIO_QUEUE_FULL',
          `connection ${this.id}: the peer reads too slowly: more than ${maxQueuedBytes} bytes are queued (maxQueuedBytes)`,
        ),
      );
      return false;
    }
    const before = this.bytesQueued;
    this.bytesQueued += end - start;
    if (this.extra?.corks === undefined || this.extra.corks === 0) {
      if (before === 0) this.extra?.timeouts?.queued();
      this.stream.write(source, start, end);
    } else this.keepCorked(this.extra, source, start, end);
    if (this.bytesQueued <= highWaterMark) return true;
    if (!this.is(CONGESTED)) {
      this.state |= CONGESTED;
      this.updateReading();
      for (const supplier of this.extra?.suppliers ?? []) supplier.wait();
    }
    return false;
  }

  /** Exact: after the kernel was offered what is pending. */
  protected queuedNow(): number {
    return this.stream.queued() + (this.extra?.corkedBytes ?? 0);
  }

  private keepCorked(extra: Extra, source: Uint8Array, start: number, end: number): void {
    const bytes = isLent(source) ? copyBytes(source, start, end) : source.subarray(start, end);
    (extra.corked ??= []).push(bytes);
    extra.corkedBytes = (extra.corkedBytes ?? 0) + bytes.length;
  }

  cork(): void {
    this.more.corks = (this.more.corks ?? 0) + 1;
  }

  uncork(): void {
    const { extra } = this;
    if (extra?.corks === undefined || extra.corks === 0) return;
    extra.corks -= 1;
    if (extra.corks === 0) this.writeCorked(extra);
  }

  protected writeCorked(extra: Extra): void {
    const pieces = extra.corked ?? [];
    if (pieces.length > 0 && this.bytesQueued === extra.corkedBytes) extra.timeouts?.queued();
    extra.corks = extra.corkedBytes = 0;
    extra.corked = undefined;
    if (this.is(CLOSED | BROKEN)) return;
    for (const bytes of pieces) this.stream.write(bytes, 0, bytes.length);
  }

  /** After close() a write is an ordinary race; after end() it is a mistake, told once. */
  private reportMisuse(): void {
    if (!this.is(OUTPUT_ENDED) || this.is(CLOSED | BROKEN | MISUSED)) return;
    this.state |= MISUSED;
    this.reportMistake(new EvioError('ERR_EVIO_WRITE_AFTER_END', `connection ${this.id}: write after end`));
  }

  get send(): (bytes: Bytes) => Observable<void> {
    return (this.more.send ??= (bytes) =>
      new Observable<void>((subscriber) => this.sendNow(bytes, subscriber)));
  }

  private sendNow(bytes: Bytes, subscriber: Subscriber<void>): void {
    const output = toBytes(bytes);
    this.queue(output, 0, output.length);
    if (this.is(OUTPUT_ENDED | CLOSED | BROKEN)) {
      subscriber.error(this.closedError());
      return;
    }
    const until = this.bytesWritten + this.bytesQueued;
    if (this.bytesQueued === 0) {
      subscriber.next();
      subscriber.complete();
    } else {
      (this.more.sends ??= []).push({ until, subscriber });
    }
  }

  private completeSends(sends: NonNullable<Extra['sends']>): void {
    while (sends.length > 0 && (sends[0]?.until ?? 0) <= this.bytesWritten) {
      const subscriber = sends.shift()?.subscriber;
      guarded(() => {
        subscriber?.next();
        subscriber?.complete();
      });
    }
  }

  protected failSends(cause: Error | undefined): void {
    const sends = this.extra?.sends;
    if (sends === undefined) return;
    for (const { subscriber } of sends.splice(0)) guarded(() => subscriber.error(this.closedError(cause)));
  }

  /** Why it is gone, if not on purpose. */
  get failure(): Error | undefined {
    return this.extra?.endedBy;
  }

  protected closedError(cause: Error | undefined = this.failure): EvioError {
    const state = this.is(CLOSED | BROKEN) ? 'closed' : 'ended';
    const code = state === 'closed' ? 'ERR_EVIO_CLOSED' : 'ERR_EVIO_WRITE_AFTER_END';
    const because = cause === undefined ? '' : `: ${cause.message}`;
    return new EvioError(code, `connection ${this.id} is ${state}${because}`, { cause });
  }

  get drained$(): Observable<void> {
    return (this.more.drained$ ??= new Observable<void>((subscriber) => {
      if (this.is(CLOSED)) {
        subscriber.complete();
        return;
      }
      const extra = this.more;
      extra.drainedSubscribers = [...(extra.drainedSubscribers ?? []), subscriber];
      return () => {
        extra.drainedSubscribers = extra.drainedSubscribers?.filter((other) => other !== subscriber);
      };
    }));
  }

  private drained(): void {
    this.state &= ~CONGESTED;
    this.updateReading();
    for (const subscriber of this.extra?.drainedSubscribers ?? []) guarded(() => subscriber.next());
  }

  get congested(): boolean {
    return this.is(CONGESTED);
  }

  whenDrained(callback: () => void): () => void {
    const subscription = this.drained$.subscribe(callback);
    return () => subscription.unsubscribe();
  }
}
