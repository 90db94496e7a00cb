// Deno.listen: one asynchronous loop per connection. Run by deno; the names that are used are declared here.

import { commandLine } from './harness.js';

interface Conn {
  read(into: Uint8Array): Promise<number | null>;
  /** How many bytes the kernel took. */
  write(bytes: Uint8Array): Promise<number>;
  setNoDelay(): void;
  close(): void;
}

declare const Deno: { listen(options: { hostname: string; port: number }): AsyncIterable<Conn> };

const { port, protocol } = commandLine();
const Talk = protocol === 'resp' ? (await import('./resp.js')).Conversation : undefined;

async function serve(conn: Conn): Promise<void> {
  const buffer = Buffer.alloc(64 * 1024);
  const conversation = Talk && new Talk();
  conn.setNoDelay();
  try {
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      const bytes = buffer.subarray(0, count);
      if (protocol === 'sink') continue;
      await writeAll(conn, conversation === undefined ? bytes : conversation.answer(bytes));
    }
  } catch {
    // A reset is the client's affair.
  }
  conn.close();
}

async function writeAll(conn: Conn, bytes: Buffer): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

for await (const conn of Deno.listen({ hostname: '127.0.0.1', port })) void serve(conn);
