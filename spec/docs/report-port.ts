// Preloaded into a program of a page: tells its parent on which port it listens.

import process from 'node:process';

import { listeningPorts } from '../support/listening-ports.js';

const looking = setInterval(() => {
  const [port] = listeningPorts().values();
  if (port === undefined) return;
  clearInterval(looking);
  process.send?.({ port });
}, 10);
looking.unref();
process.channel?.unref();
