// The way back: what happened, as a lane.

import { LaneForms, type Form } from './lane-forms.js';
import { LaneLayout } from './lane-layout.js';
import { marblesOf } from './diagram.js';
import { SIGNS, tokensOf, type MarbleKind, type Token } from './lane-tokens.js';
import type { WireValues } from './lane-values.js';

/** Something that happened. */
export interface WireEvent {
  /** In ms; fractions are rounded down. */
  readonly at: number;
  readonly kind: MarbleKind;
  /** Of `data`. */
  readonly bytes?: Buffer;
}

/** A lane that has been written. */
export interface WrittenLane {
  readonly text: string;
  /** What the text needs: the values that were given, and those of names made up for what was too long. */
  readonly values: WireValues;
  /** The names made up, in the order in which they were. */
  readonly invented: readonly string[];
  /**
   * Whether the text reads as the very events. A group takes time: what comes within 3 ms of two things at once cannot be written at
   * its time, and is written as soon as there is room.
   */
  readonly exact: boolean;
}

/**
 * Writes a lane that reads as the same events: `parseLane(text, side, values)`. Data side by side at one time is one segment.
 *
 * @param events - in the order in which they happened
 * @param values - names for bytes
 * @param like - the text of another lane, of the same values: its ways of writing and its layout are taken, so that the two
 *   stand column by column where they agree
 * @example
 * formatLane([{ at: 4, kind: 'data', bytes: Buffer.from('-ERR\r\n') }], {}, '----{pong}').text; // ----'-ERR\r\n'
 */
export function formatLane(events: readonly WireEvent[], values: WireValues = {}, like = ''): WrittenLane {
  const moments = momentsOf(events);
  const tokens = readable(like, values);
  const written = write(moments, values, tokens, like);
  if (written.exact || tokens.length === 0) return written;
  // Its spaces may have made a time of a digit and a letter.
  const plain = write(moments, values, [], '');
  return plain.exact ? plain : written;
}

interface Moment {
  readonly at: number;
  readonly events: WireEvent[];
}

function momentsOf(events: readonly WireEvent[]): Moment[] {
  const moments: Moment[] = [];
  for (const event of events) {
    const at = Math.max(0, Math.floor(event.at));
    let moment = moments.at(-1);
    if (moment?.at !== at) moments.push((moment = { at, events: [] }));
    const last = moment.events.at(-1);
    if (event.kind === 'data' && last?.kind === 'data') {
      const bytes = Buffer.concat([last.bytes ?? NONE, event.bytes ?? NONE]);
      moment.events[moment.events.length - 1] = { ...last, bytes };
    } else {
      moment.events.push({ ...event, at });
    }
  }
  return moments;
}

const NONE = Buffer.alloc(0);

/** The pieces of a lane; none when it cannot be read. */
function readable(text: string, values: WireValues): Token[] {
  try {
    return tokensOf({ name: 'lane', text }, values);
  } catch {
    return []; // It is a hint for the layout, no more.
  }
}

function write(
  moments: readonly Moment[],
  values: WireValues,
  tokens: readonly Token[],
  like: string,
): WrittenLane {
  const forms = new LaneForms(values, tokens, like);
  const layout = new LaneLayout(tokens, like);
  for (const { events } of moments) for (const { bytes } of events) forms.reserve(bytes ?? NONE);
  for (const [index, moment] of moments.entries()) {
    layout.moveTo(moment.at);
    writeMoment(layout, forms, moment, moments[index + 1]);
  }
  const text = layout.finish();
  const all = { ...values, ...forms.invented };
  return { text, values: all, invented: Object.keys(forms.invented), exact: readsAs(text, all, moments) };
}

function writeMoment(layout: LaneLayout, forms: LaneForms, moment: Moment, next: Moment | undefined): void {
  const room = (next?.at ?? Infinity) - moment.at;
  const pieces = moment.events.map((event) => pieceOf(event, forms, mayBecomeTime(forms, next, room)));
  while (framesOf(pieces) > room && shorten(pieces, forms));
  const grouped = isGroup(pieces);
  if (grouped) layout.put('(', 1);
  for (const { form } of pieces) layout.put(form.text, form.frames);
  if (grouped) layout.put(')', 1);
}

interface Piece {
  form: Form;
  /** Undefined for signs. */
  readonly bytes?: Buffer;
  /** Other ways to write it, the better first. */
  readonly others: Form[];
}

function pieceOf(event: WireEvent, forms: LaneForms, noDigit: boolean): Piece {
  if (event.kind !== 'data') {
    return { form: { text: SIGNS[event.kind], frames: 1, grouped: false }, others: [] };
  }
  const bytes = event.bytes ?? NONE;
  const [form = forms.invent(bytes), ...others] = forms
    .of(bytes)
    .filter(({ text }) => !(noDigit && /\d$/.test(text)));
  return { form, bytes, others };
}

/** Whether a digit here could be taken for a time together with what comes next: `5` and `m`. */
function mayBecomeTime(forms: LaneForms, next: Moment | undefined, room: number): boolean {
  const bytes = next?.events[0]?.bytes;
  return room === 1 && bytes !== undefined && forms.of(bytes).some(({ text }) => /^[ms]/.test(text));
}

function isGroup(pieces: readonly Piece[]): boolean {
  return pieces.length > 1 || pieces.some(({ form }) => form.grouped);
}

function framesOf(pieces: readonly Piece[]): number {
  const parentheses = isGroup(pieces) ? 2 : 0;
  return pieces.reduce((sum, { form }) => sum + form.frames, parentheses);
}

/** Writes the longest piece in a shorter way; false when there is none. */
function shorten(pieces: readonly Piece[], forms: LaneForms): boolean {
  const cost = ({ form }: Piece): number => form.frames + (form.grouped ? 2 : 0);
  const longest = pieces.reduce((a, b) => (cost(b) > cost(a) ? b : a));
  if (longest.bytes === undefined || cost(longest) <= 1) return false;
  const { form } = longest;
  const shorter = longest.others.find(
    ({ frames, grouped }) => !grouped && frames < cost({ ...longest, form }),
  );
  longest.form = shorter ?? forms.invent(longest.bytes);
  return true;
}

function readsAs(text: string, values: WireValues, moments: readonly Moment[]): boolean {
  const lane = { name: 'lane', text };
  const tokens = readable(text, values);
  if (tokens.length === 0) return moments.length === 0;
  const { marbles } = marblesOf(lane, tokens);
  const events = moments.flatMap(({ events }) => events);
  return (
    marbles.length === events.length &&
    events.every(({ at, kind, bytes = NONE }, index) => {
      const marble = marbles[index];
      return marble?.at === at && marble.kind === kind && bytes.equals(marble.bytes ?? NONE);
    })
  );
}
