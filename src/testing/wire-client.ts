// The client's lane of a wire diagram, played: bytes at their times, cut into segments as somebody says.

import type { BindAddress } from '../poller/poller.js';
import type { Agenda } from './agenda.js';
import { parseLane } from './diagram.js';
import type { Lane, Marble, WireValues } from './diagram.js';
import { HOPS } from './link.js';
import { ScriptedPeer } from './scripted-peer.js';
import type { PeerEvent } from './scripted-peer.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { checkReadRate } from './simulation-options.js';

/** How a client's bytes travel, and how fast it takes those of the server. */
export interface Segments {
  /** Where in the stream of all its bytes one segment ends and another begins, in rising order. Default: nowhere else. */
  readonly cuts?: readonly number[];
  /** All bytes travel in one segment, at the time of the first. Default false. */
  readonly coalesced?: boolean;
  /** Bytes that the client reads in a millisecond, from 1. Default: all there are. */
  readonly readRate?: number;
}

/** A client that plays a lane; `world.client` makes it. */
export class WireClient {
  /** @internal */
  readonly lane: Lane;
  /** What the names of its lane stand for. */
  readonly values: WireValues;
  /** In the trace, together with the number of its connection. */
  readonly who: string;
  readonly #network: SimulatedNetwork;
  readonly #cuts: readonly number[];
  readonly #readRate: number;
  #to: () => BindAddress;
  #peer: ScriptedPeer | undefined;
  #sent = 0;
  /** A cut is where the next bytes begin. */
  #apart = false;
  /** What has to be done at this moment, one after the other. */
  #script: (() => void)[] = [];
  #playing = false;

  /** @internal Made by `world.client`. */
  constructor(
    network: SimulatedNetwork,
    lane: string,
    values: WireValues,
    to: () => BindAddress,
    { cuts = [], coalesced = false, readRate = Infinity }: Segments = {},
    who = 'client',
  ) {
    this.lane = parseLane(lane, 'client', values);
    this.values = values;
    this.who = who;
    this.#network = network;
    this.#to = to;
    this.#cuts = cuts;
    checkReadRate(readRate);
    this.#readRate = readRate;
    const marbles = coalesced ? coalesce(this.lane.marbles) : this.lane.marbles;
    if (!marbles.some(({ kind }) => kind === 'connect')) this.#at(0, () => this.#connect());
    for (const moment of moments(marbles)) {
      this.#at(moment[0]?.at ?? 0, () => {
        for (const marble of moment) this.#do(marble);
      });
    }
  }

  get #agenda(): Agenda {
    return this.#network.agenda;
  }

  /** Undefined until it is connected. */
  get connection(): number | undefined {
    return this.#peer?.connection;
  }

  /** Of its own end. */
  get port(): number | undefined {
    return this.#peer?.port;
  }

  /** What has reached it, in order. */
  get events(): readonly PeerEvent[] {
    return this.#peer?.events ?? [];
  }

  /** All bytes that have reached it, as one. */
  get received(): Buffer {
    return this.#peer?.received ?? Buffer.alloc(0);
  }

  /** Goes, if it is still there. */
  leave(): void {
    this.#peer?.destroy();
  }

  #at(time: number, act: () => void): void {
    this.#agenda.at(time, act);
  }

  #connect(): void {
    this.#peer = new ScriptedPeer(this.#network, this.#to(), this.who, this.#readRate);
  }

  #do({ kind, bytes }: Marble): void {
    if (kind === 'data' && bytes !== undefined) this.#send(bytes);
    else if (kind === 'connect') this.#connect();
    else this.#then(() => this.#sign(kind));
  }

  #sign(kind: Marble['kind']): void {
    const peer = this.#peer;
    if (kind === 'fin') peer?.fin();
    else if (kind === 'reset') peer?.reset();
    else if (kind === 'close') peer?.destroy();
    else if (kind === 'stop') peer?.stopReading();
    else if (kind === 'go') peer?.readAgain();
  }

  /** In segments: between two of them the server gets its turn. What comes with the last one comes in the same segment. */
  #send(bytes: Buffer): void {
    const cuts = this.#cuts.map((cut) => cut - this.#sent).filter((cut) => cut > 0 && cut <= bytes.length);
    this.#sent += bytes.length;
    let start = 0;
    for (const end of [...cuts, bytes.length]) {
      if (start < end) {
        const segment = bytes.subarray(start, end);
        const apart = this.#apart;
        this.#apart = false;
        this.#then(() => this.#peer?.send(segment, apart));
      }
      if (cuts.includes(end)) {
        this.#apart = true;
        this.#pause();
      }
      start = end;
    }
  }

  #then(act: () => void): void {
    this.#script.push(act);
    this.#play();
  }

  #pause(): void {
    this.#then(() => {
      this.#playing = true;
      let hops = HOPS;
      const hop = (): void => {
        if (hops-- > 0) {
          this.#agenda.after(0, hop);
          return;
        }
        this.#playing = false;
        this.#play();
      };
      hop();
    });
  }

  #play(): void {
    while (!this.#playing) {
      const act = this.#script.shift();
      if (act === undefined) return;
      act();
    }
  }
}

function moments(marbles: readonly Marble[]): Marble[][] {
  const all: Marble[][] = [];
  for (const marble of marbles) {
    const last = all.at(-1);
    if (last?.[0]?.at === marble.at) last.push(marble);
    else all.push([marble]);
  }
  return all;
}

/** All bytes where the first are, and what follows the last ones where it was. */
function coalesce(marbles: readonly Marble[]): Marble[] {
  const data = marbles.filter(({ kind }) => kind === 'data');
  const [first] = data;
  if (first === undefined) return [...marbles];
  const all = Buffer.concat(data.flatMap(({ bytes }) => bytes ?? []));
  return marbles.flatMap((marble) => {
    if (marble === first) return [{ ...marble, bytes: all }];
    return marble.kind === 'data' ? [] : [marble];
  });
}
