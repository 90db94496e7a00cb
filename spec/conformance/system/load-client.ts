// A client process of specs: keeps a port as busy as it can with echoes on several connections, until it is killed.

import { connect } from 'node:net';

const port = Number(process.argv[2]);
const bytes = Buffer.alloc(4096, 'x');

for (let i = 0; i < 16; i++) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  for (let n = 0; n < 8; n++) socket.write(bytes);
  socket.on('data', (data) => socket.write(data));
  if (i === 0) socket.once('data', () => process.send?.('echoed'));
}
