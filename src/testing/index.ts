// The public names of `evio/testing`.

export { clockOf } from './agenda.js';
export type { VirtualClock } from './agenda.js';
export { RecordedCallbacks } from './callbacks.js';
export type { Callbacks } from './callbacks.js';
export type { Schedule } from './choices.js';
export { codecLaws } from './codec-laws.js';
export type { Codec } from './codec-laws.js';
export type { WireValues } from './diagram.js';
export { ExpectationError } from './expectations.js';
export type { AssertDeepEqual, TraceFilter, Window } from './expectations.js';
export type { Law } from './laws.js';
export type { LinkOptions } from './link.js';
export { ScriptedPeer } from './scripted-peer.js';
export type { PeerEvent } from './scripted-peer.js';
export { serverLaws } from './server-laws.js';
export type { Served, Talk } from './server-laws.js';
export { simulate, simulateAsync } from './simulate.js';
export { SimulatedNetwork } from './simulated-network.js';
export type { FaultyCall, NetworkOptions } from './simulated-network.js';
export { SimulatedPoller } from './simulated-poller.js';
export { traceText } from './trace.js';
export type { Trace, TraceEntry, TraceKind } from './trace.js';
export { resegment, wire } from './wire.js';
export type { Lanes, ResegmentOptions, Serving, WireOptions } from './wire.js';
export type { Segments, WireClient } from './wire-client.js';
export type { ClientOptions, SimulationOptions, World } from './world.js';
