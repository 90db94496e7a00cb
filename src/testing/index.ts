// The public names of `evio/testing`.

export { clockOf } from './agenda.js';
export type { VirtualClock } from './agenda.js';
export type { Schedule } from './choices.js';
export type { LinkOptions } from './link.js';
export { ScriptedPeer } from './scripted-peer.js';
export type { PeerEvent } from './scripted-peer.js';
export { SimulatedNetwork } from './simulated-network.js';
export type { FaultyCall, NetworkOptions } from './simulated-network.js';
export { SimulatedPoller } from './simulated-poller.js';
export { traceText } from './trace.js';
export type { Trace, TraceEntry, TraceKind } from './trace.js';
