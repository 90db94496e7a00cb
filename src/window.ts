// The memory that pollers read into. The next turn overwrites it, so whoever keeps bytes past a call copies them.

type BufferClass = new (memory: ArrayBufferLike, offset: number, length: number) => Buffer;

/**
 * The class of every Buffer in Node.js, whose constructor looks at nothing: a third of the cost of `subarray`. `Buffer` names it as
 * its species (ECMA-262, TypedArraySpeciesCreate); in a runtime where it does not, `subarray` it is.
 */
const species = (Buffer as unknown as { readonly [Symbol.species]?: unknown })[Symbol.species];
const NodeBuffer =
  typeof species === 'function' && species !== Buffer && species.prototype instanceof Uint8Array
    ? (species as BufferClass)
    : undefined;

const lent = new WeakSet<ArrayBufferLike>();
/** The window that has been lent last, which is nearly always the only one, and where it lies. */
let lastWindow: Buffer | undefined;
let memory: ArrayBufferLike | undefined;
let offset = 0;

/** Marks a read window, which must be copied by whoever keeps bytes past the call. */
export function lend(window: Buffer): void {
  lent.add(window.buffer);
  if (NodeBuffer === undefined) return;
  lastWindow = window;
  memory = window.buffer;
  offset = window.byteOffset;
}

/** Whether bytes lie in some poller's read window. */
export function isLent(bytes: Uint8Array): boolean {
  return lent.has(bytes.buffer);
}

/** What `source.subarray(start, end)` is, sooner if the source is a window. The offsets must lie in it. */
export function viewOf(source: Buffer, start: number, end: number): Buffer;
export function viewOf(source: Uint8Array, start: number, end: number): Uint8Array;
export function viewOf(source: Uint8Array, start: number, end: number): Uint8Array {
  if (source !== lastWindow || NodeBuffer === undefined || memory === undefined)
    return source.subarray(start, end);
  return new NodeBuffer(memory, offset + start, end - start);
}
