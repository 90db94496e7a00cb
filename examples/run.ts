// Starts an example by its name: `npm run example -- echo-server --port 7000`.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('./', import.meta.url);
const examples = readdirSync(folder)
  .filter((file) => file.endsWith('.js') && file !== 'run.js')
  .map((file) => file.slice(0, -'.js'.length))
  .sort();

const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && examples.includes(name)) {
  const file = new URL(`${name}.js`, folder);
  process.argv = [process.execPath, fileURLToPath(file), ...rest]; // as if the example had been started itself
  await import(file.href);
} else {
  const problem = name === undefined ? 'no example named' : `no example '${name}'`;
  console.error(`${problem}: npm run example -- NAME, where NAME is one of ${examples.join(', ')}`);
  process.exitCode = 1;
}
