// A unix socket's file outlives a server that was killed. Listening again removes it, if nobody listens there any more.

import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import process from 'node:process';

/** Removes the file of a socket that refuses connections. Anything else is left for bind(2) to complain about. */
export async function removeStaleSocket(path: string): Promise<void> {
  // A pipe leaves nothing behind, and to look at one is to connect to it.
  if (process.platform === 'win32') return;
  try {
    if (!(await lstat(path)).isSocket()) return;
    if (await isRefused(path)) await unlink(path);
  } catch {
    // Missing (the ordinary case), not ours to look at, or just removed by somebody else: bind(2) tells.
  }
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
