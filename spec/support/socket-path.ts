// Where a unix socket of a spec may be: in the spec's own folder; on Windows it is a pipe, whose names are apart from files.

import path from 'node:path';
import process from 'node:process';

export function socketPath(folder: string, name = 'socket'): string {
  if (process.platform !== 'win32') return path.join(folder, name);
  return `${String.raw`\\.\pipe`}\\${path.basename(folder)}-${name}`;
}
