// One way for an event to reach a function, in a process of its own: prints the nanoseconds that an event costs.

import process from 'node:process';
import { filter, map, type Observable, Subject } from 'rxjs';

const EVENTS = 5_000_000;
const WARM_UP = 2_000_000;

type Emit = (data: Buffer) => void;

/** What this needs of dist/input.js, which is no public name. */
interface Sink {
  readonly relay: { relay(source: Buffer, start: number, end: number): void } | undefined;
  next(data: Buffer): void;
}
const built = new URL('../../../dist/input.js', import.meta.url).href;
const { Input } = (await import(built)) as { Input: new (source: object) => Observable<Buffer> };

let total = 0;
const heard = (data: Buffer): void => {
  total += data.length;
};

/** A connection's input without a connection: it keeps its one sink, and says who takes bytes on loan. */
class Source {
  sink: Sink | undefined;
  addSink(sink: Sink): void {
    this.sink = sink;
  }
  removeSink(): void {
    this.sink = undefined;
  }
  isRelay(observer: unknown): boolean {
    return observer instanceof Relay;
  }
  observerFailed(error: unknown): void {
    throw error;
  }
}

class Relay {
  relay(_source: Buffer, start: number, end: number): void {
    total += end - start;
  }
  relayEnd(): void {}
  own(): void {}
  disown(): void {}
  whenClosed(): () => void {
    return () => {};
  }
}

function subject(pipe: (data$: Observable<Buffer>) => Observable<Buffer>): Emit {
  const data$ = new Subject<Buffer>();
  pipe(data$).subscribe(heard);
  return (data) => data$.next(data);
}

function input(pipe: (data$: Observable<Buffer>) => Observable<Buffer>): Emit {
  const source = new Source();
  pipe(new Input(source)).subscribe(heard);
  return (data) => source.sink?.next(data);
}

function relay(): Emit {
  const source = new Source();
  new Input(source).subscribe(new Relay() as never);
  return (data) => source.sink?.relay?.relay(data, 0, data.length);
}

const plain = (data$: Observable<Buffer>): Observable<Buffer> => data$;
const mapped = (data$: Observable<Buffer>): Observable<Buffer> => data$.pipe(map((data) => data));
const chained = (data$: Observable<Buffer>): Observable<Buffer> =>
  data$.pipe(
    map((data) => data),
    filter((data) => data.length > 0),
  );

const variants: Readonly<Record<string, () => Emit>> = {
  call: () => heard,
  subject: () => subject(plain),
  'subject-map': () => subject(mapped),
  'subject-map-filter': () => subject(chained),
  relay,
  input: () => input(plain),
  'input-map': () => input(mapped),
  'input-map-filter': () => input(chained),
};

function run(emit: Emit, events: number, data: Buffer): void {
  for (let i = 0; i < events; i++) emit(data);
}

const variant = variants[process.argv[2] ?? ''];
if (variant === undefined) throw new Error(`one of ${Object.keys(variants).join(', ')}`);
const emit = variant();
const data = Buffer.alloc(64);
run(emit, WARM_UP, data);
const start = process.hrtime.bigint();
run(emit, EVENTS, data);
const nanoseconds = Number(process.hrtime.bigint() - start) / EVENTS;
if (total !== (EVENTS + WARM_UP) * data.length) throw new Error('events were lost');
console.log(nanoseconds);
