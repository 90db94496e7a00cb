// Where the run is, on standard error: one line that changes on a terminal, a line per measurement elsewhere.

export class Progress {
  readonly #total: number;
  readonly #started = Date.now();
  readonly #terminal = process.stderr.isTTY;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  /** Before a measurement. */
  begin(what: string): void {
    if (this.#terminal) this.#replace(`[${this.#done + 1}/${this.#total}] ${what}${this.#remaining()}`);
  }

  /** After it. */
  end(what: string, result: string): void {
    this.#done++;
    if (!this.#terminal) process.stderr.write(`[${this.#done}/${this.#total}] ${what}: ${result}\n`);
  }

  /** Leaves the line to others. */
  clear(): void {
    if (this.#terminal) this.#replace('');
  }

  #replace(line: string): void {
    process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  #remaining(): string {
    if (this.#done < 3) return '';
    const minutes = ((Date.now() - this.#started) / this.#done / 60_000) * (this.#total - this.#done);
    return minutes < 1 ? ', less than a minute left' : `, about ${Math.round(minutes)} min left`;
  }
}
