/**
 * Protocols proved with marble diagrams, without a socket and in virtual time. Begin with {@link wire}, or with the guide
 * "Testing a protocol".
 *
 * @module evio/testing
 */

export { clockOf } from './agenda.js';
export type { VirtualClock } from './agenda.js';
export { RecordedCallbacks } from './callbacks.js';
export type { Callbacks } from './callbacks.js';
export type { Schedule } from './choices.js';
export { codecLaws } from './codec-laws.js';
export type { Codec } from './codec-laws.js';
export type { HexValue, WireValue, WireValues } from './diagram.js';
export { ExpectationError } from './expectations.js';
export type { AssertDeepEqual, TraceFilter, Window } from './expectations.js';
export type { Fixture } from './fixture.js';
export type { Law } from './laws.js';
export type { Leeway } from './leeway.js';
export type { LinkOptions } from './link.js';
export { record, replay } from './record.js';
export type { RecordOptions, Recording, ReplayOptions } from './record.js';
export { ScriptedPeer } from './scripted-peer.js';
export type { PeerData, PeerEvent, PeerReset, PeerSignal } from './scripted-peer.js';
export { serverLaws } from './server-laws.js';
export type { Served } from './server-laws.js';
export { simulate, simulateAsync } from './simulate.js';
export { SimulatedNetwork } from './simulated-network.js';
export type { FaultyCall, NetworkOptions } from './simulated-network.js';
export { SimulatedPoller } from './simulated-poller.js';
export type { Talk } from './talk.js';
export { traceText } from './trace.js';
export type { Trace, TraceEntry, TraceKind } from './trace.js';
export { twin } from './twin.js';
export type { TwinOptions } from './twin.js';
export type { TwinProtocol } from './twin-protocol.js';
export { resegment, wire } from './wire.js';
export type { Lanes, ResegmentOptions, Serving, Setup, WireOptions } from './wire.js';
export type { Segments, WireClient } from './wire-client.js';
export type { ClientOptions, SimulationOptions, World } from './world.js';
