// On which TCP ports this process listens, for what binds port 0 and does not tell, as `serve`. Linux knows of every
// socket; on Windows, which has the poller net only, it is Node's servers that are asked.

import { closeSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { Server } from 'node:net';
import process from 'node:process';

const LISTEN = '0A';

/** Ports by the inodes of their sockets, or other names that are never used again while the socket is open. */
export const listeningPorts: () => Map<string, number> =
  process.platform === 'win32' ? portsOfServers() : portsOfSockets;

function portsOfServers(): () => Map<string, number> {
  const servers: Server[] = [];
  const { listen } = Server.prototype;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    servers.push(this);
    return Reflect.apply(listen, this, args) as Server;
  };
  return () => {
    const ports = new Map<string, number>();
    for (const [i, server] of servers.entries()) {
      const address = server.address();
      if (address !== null && typeof address === 'object') ports.set(String(i), address.port);
    }
    return ports;
  };
}

function portsOfSockets(): Map<string, number> {
  const own = new Set(readdirSync('/proc/self/fd').map(inodeOf));
  const ports = new Map<string, number>();
  for (const table of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
    for (const [, local = '', , , , , , , , inode = ''] of listeners(table)) {
      if (own.has(inode)) ports.set(inode, Number.parseInt(local.split(':')[1] ?? '', 16));
    }
  }
  return ports;
}

function inodeOf(fd: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
  } catch {
    return undefined; // the descriptor by which the folder was read
  }
}

/** The rows of a table that listen: they stand first, and behind them there may be a hundred thousand others. */
function listeners(table: string): string[][] {
  const file = openSync(table, 'r');
  try {
    const block = Buffer.alloc(16 * 1024);
    for (let text = ''; ;) {
      const length = readSync(file, block);
      text += block.toString('latin1', 0, length);
      const rows = text
        .split('\n')
        .slice(1, -1)
        .map((line) => line.trim().split(/\s+/));
      const others = rows.findIndex((row) => row[3] !== LISTEN);
      if (others >= 0) return rows.slice(0, others);
      if (length === 0) return rows;
    }
  } finally {
    closeSync(file);
  }
}
