'use strict';
// The install step of the package. It never fails: where no prebuild loads and nothing can be built, evio runs on `net`.

const { existsSync } = require('node:fs');
const path = require('node:path');
const { BACKENDS, buildHere, whyNotLoaded } = require('./compile.cjs');

async function install() {
  if (process.env.EVIO_SKIP_NATIVE) return;
  if (existsSync(path.join(__dirname, '..', 'tsconfig.json'))) return; // a checkout: `npm run build` does it
  if (!BACKENDS.has(process.platform)) return;
  if (whyNotLoaded() === undefined) return; // a prebuild, or what was built before
  await buildHere();
}

install().catch((error) => {
  console.log(
    `evio: no native poller (${error.message}), so it runs on \`net\`. With a C++17 compiler, \`npx evio build\` makes one.`,
  );
});
