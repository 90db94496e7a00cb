// Echo with the classic callbacks.

import { serve } from 'evio';
import { commandLine } from './harness.js';

const { port, poller } = commandLine();
await serve('tcp', `127.0.0.1:${port}`, (_id, data) => [data, true], null, null, null, undefined, { poller });
