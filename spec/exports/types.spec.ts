// The types of the public face. What they say is checked by the compiler; that the names exist, when this runs.

import { expectTypeOf } from 'expect-type';
import type { Observable, OperatorFunction } from 'rxjs';

import {
  type Bytes,
  type CloseOutcome,
  connect,
  type Connection,
  type Dropped,
  EvioError,
  gracefulShutdown,
  listen,
  type ListenOptions,
  paced,
  type Poller,
  type Protocol,
  type Reply,
  serve,
  serveEach,
  type Server,
  type SocketAddress,
  type Tick,
} from 'evio';
import { inPlace, lengthPrefixed, lines, resp, type RespValue } from 'evio/protocols';
import { SimulatedPoller, type wire } from 'evio/testing';

describe('the types of evio', () => {
  it('listen gives a server, from one address or several', () => {
    expectTypeOf(listen).returns.toEqualTypeOf<Server>();
    expectTypeOf(listen).parameter(0).toEqualTypeOf<string | readonly string[]>();
    expectTypeOf(listen).parameter(1).toEqualTypeOf<ListenOptions | undefined>();
    expectTypeOf<Server>().toExtend<AsyncDisposable>();
    expectTypeOf<Server['connections$']>().toEqualTypeOf<Observable<Connection>>();
    expectTypeOf<Server['ticks$']>().toEqualTypeOf<Observable<Tick>>();
    expectTypeOf<Server['dropped$']>().toEqualTypeOf<Observable<Dropped>>();
    expectTypeOf<Server['addresses']>().toEqualTypeOf<readonly SocketAddress[]>();
    expectTypeOf<ReturnType<Server['close']>>().toEqualTypeOf<Promise<CloseOutcome>>();
    // @ts-expect-error a poller has a name that is known
    expectTypeOf<{ poller: 'epol' }>().toExtend<ListenOptions>();
    expectTypeOf<{ poller: Poller }>().toExtend<ListenOptions>();
    expectTypeOf(SimulatedPoller).instance.toExtend<Poller>();
  });

  it('connect gives connections, lazily', () => {
    expectTypeOf(connect).returns.toEqualTypeOf<Observable<Connection>>();
    // @ts-expect-error one address at a time
    expectTypeOf(connect).toBeCallableWith(['tcp://127.0.0.1:1']);
  });

  it('a connection takes and gives bytes', () => {
    expectTypeOf<Bytes>().toEqualTypeOf<Uint8Array | string>();
    expectTypeOf<Connection['data$']>().toExtend<Observable<Buffer>>();
    expectTypeOf<Connection['write']>().parameter(0).toEqualTypeOf<Bytes>();
    expectTypeOf<Connection['write']>().returns.toEqualTypeOf<boolean>();
    expectTypeOf<Connection['context']>().toBeUnknown();
    // @ts-expect-error numbers are no bytes
    expectTypeOf<Connection['write']>().toBeCallableWith(1);
  });

  it('serve hands the context to every callback, as the type that it has', () => {
    interface Context {
      readonly hits: number;
    }
    const serving = (context: Context): Promise<void> =>
      serve(
        'tcp',
        '127.0.0.1:0',
        (id, data, ctx) => {
          expectTypeOf(id).toBeNumber();
          expectTypeOf(data).toExtend<Buffer>();
          expectTypeOf(ctx).toEqualTypeOf<Context>();
          return [data, true];
        },
        (_id, addr, wake, ctx) => {
          expectTypeOf(addr).toBeString();
          expectTypeOf(wake).toEqualTypeOf<() => void>();
          expectTypeOf(ctx).toEqualTypeOf<Context>();
          return [null, true];
        },
        (_id, err, ctx) => {
          expectTypeOf(err).toEqualTypeOf<Error | undefined>();
          expectTypeOf(ctx).toEqualTypeOf<Context>();
        },
        (ctx) => {
          expectTypeOf(ctx).toEqualTypeOf<Context>();
          return true;
        },
        context,
      );
    expectTypeOf(serving).returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf<[string, boolean]>().toExtend<Reply>();
    // @ts-expect-error whether to stay open is part of an answer
    expectTypeOf<[string]>().toExtend<Reply>();
    // @ts-expect-error evio's callbacks are no promises
    expectTypeOf<Promise<[string, boolean]>>().toExtend<Reply>();
  });

  it('a protocol is a function of streams, which serveEach runs for every connection', () => {
    expectTypeOf(serveEach).parameter(0).toEqualTypeOf<Protocol>();
    expectTypeOf(serveEach).returns.toEqualTypeOf<OperatorFunction<Connection, never>>();
    expectTypeOf<(data$: Observable<Buffer>) => Observable<string>>().toExtend<Protocol>();
    // @ts-expect-error it answers with bytes
    expectTypeOf<(data$: Observable<Buffer>) => Observable<number>>().toExtend<Protocol>();
    expectTypeOf<Protocol>().toExtend<Parameters<typeof wire>[0]>();
    // @ts-expect-error a lane is missing
    expectTypeOf<{ client: string }>().toExtend<Parameters<typeof wire>[1]>();
  });

  it('operators of protocols say what they give', () => {
    expectTypeOf(lines()).toExtend<OperatorFunction<Buffer, string>>();
    expectTypeOf(lengthPrefixed({ length: 'u32' })).toExtend<OperatorFunction<Buffer, Buffer>>();
    expectTypeOf(inPlace()).toExtend<OperatorFunction<Buffer, Buffer>>();
    expectTypeOf(resp()).toExtend<OperatorFunction<Buffer, RespValue>>();
    expectTypeOf(paced((data: Buffer) => Promise.resolve(data.length))).toExtend<
      OperatorFunction<Buffer, number>
    >();
  });

  it('errors are errors, with a code', () => {
    expectTypeOf(EvioError).instance.toExtend<Error>();
    expectTypeOf(EvioError).instance.toHaveProperty('code');
    expectTypeOf(gracefulShutdown).parameter(0).toExtend<Server | readonly Server[]>();
  });
});
