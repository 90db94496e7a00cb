// Bugs below the streams: a poller of which something has been replaced.

import type { Poller, PollerStream, StreamEvents } from 'evio';

/** A poller with one of its streams' methods, or of its events, replaced. */
export function twisted(
  poller: Poller,
  twist: { stream?: (stream: PollerStream) => PollerStream; events?: (events: StreamEvents) => StreamEvents },
): Poller {
  const { stream = (same) => same, events = (same) => same } = twist;
  return {
    name: 'twisted',
    now: () => poller.now(),
    attach: (turns) => poller.attach(turns),
    alarm: (at) => poller.alarm(at),
    schedule: () => poller.schedule(),
    connect: (address, options, dial) => poller.connect(address, options, dial),
    listen: (address, options, listener) =>
      poller.listen(address, options, {
        listening: (at) => listener.listening(at),
        bindFailed: (error) => listener.bindFailed(error),
        acceptFailed: (error) => listener.acceptFailed(error),
        accepted: (accepted) => events(listener.accepted(stream(accepted))),
      }),
  };
}

/** The same events, but some of them otherwise. */
export function withEvents(events: StreamEvents, other: Partial<StreamEvents>): StreamEvents {
  return {
    data: (source, start, end, lent) => events.data(source, start, end, lent),
    ended: () => events.ended(),
    flushed: (taken) => events.flushed(taken),
    broken: (error) => events.broken(error),
    failed: (error) => events.failed(error),
    ...other,
  };
}

/** The same stream, but some of its methods otherwise. */
export function withStream(stream: PollerStream, other: Partial<PollerStream>): PollerStream {
  return {
    local: stream.local,
    remote: stream.remote,
    read: (on) => stream.read(on),
    write: (source, start, end) => stream.write(source, start, end),
    queued: () => stream.queued(),
    shutdown: () => stream.shutdown(),
    close: () => stream.close(),
    reset: () => stream.reset(),
    ...other,
  };
}
