// Bytes that wait in a buffer of the simulated kernel, in order.

const NOTHING: Buffer = Buffer.alloc(0);

export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Of the first chunk, what has been taken. */
  #offset = 0;
  length = 0;

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Puts back what was taken. */
  unshift(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#offset > 0) {
      this.#chunks[0] = (this.#chunks[0] as Buffer).subarray(this.#offset);
      this.#offset = 0;
    }
    this.#chunks.unshift(bytes);
    this.length += bytes.length;
  }

  /** The first `count` bytes, or fewer. */
  take(count: number): Buffer {
    const wanted = Math.min(count, this.length);
    if (wanted === 0) return NOTHING;
    this.length -= wanted;
    const pieces: Buffer[] = [];
    let taken = 0;
    let used = 0;
    while (taken < wanted) {
      const chunk = this.#chunks[used] as Buffer;
      const end = Math.min(chunk.length, this.#offset + wanted - taken);
      pieces.push(chunk.subarray(this.#offset, end));
      taken += end - this.#offset;
      if (end < chunk.length) {
        this.#offset = end;
        break;
      }
      used += 1;
      this.#offset = 0;
    }
    if (used > 0) this.#chunks.splice(0, used);
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, wanted);
  }

  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.length = 0;
  }
}
