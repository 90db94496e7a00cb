'use strict';
// Builds the documentation, guides and API reference in one, into docs/api, and serves it on this machine.
//   npm run docs [-- --port 8080]       builds and serves
//   npm run docs -- --build-only        builds
//   npm run docs:check                  builds, and follows every link

const { spawnSync } = require('node:child_process');
const { createReadStream, existsSync, statSync } = require('node:fs');
const { createServer } = require('node:http');
const path = require('node:path');
const { parseArgs } = require('node:util');

const HOST = '127.0.0.1';
const SITE = path.join(__dirname, 'api');
const MODULES = path.join(__dirname, 'node_modules');
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: __dirname, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** The tools have a TypeScript of their own, which is nothing for the dependencies of the package. */
function installTools() {
  const installed = path.join(MODULES, '.package-lock.json');
  const wanted = path.join(__dirname, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  const npm = process.env.npm_execpath;
  if (npm === undefined) throw new Error('start this by npm run docs, which installs its tools in docs/');
  run(process.execPath, [npm, 'ci', '--no-audit', '--no-fund']);
}

function build() {
  installTools();
  run(process.execPath, [path.join(MODULES, 'typedoc', 'bin', 'typedoc')]);
}

/** A server of the files of the site, and of nothing else. */
function serve(port) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', `http://${HOST}`);
    const named = path.join(SITE, decodeURIComponent(pathname));
    const file = named.endsWith(path.sep) ? path.join(named, 'index.html') : named;
    if (!file.startsWith(SITE + path.sep) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n');
      return;
    }
    response.setHeader('content-type', TYPES[path.extname(file)] ?? 'text/plain; charset=utf-8');
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => resolve(server));
  });
}

/** Follows every link of the site, anchors included; links to other sites are not followed. */
async function check(server) {
  const { LinkChecker } = await import('linkinator');
  const root = `http://${HOST}:${server.address().port}/`;
  const { links } = await new LinkChecker().check({
    path: root,
    recurse: true,
    checkFragments: true,
    linksToSkip: async (link) => !link.startsWith(root),
  });
  const followed = links.filter(({ state }) => state !== 'SKIPPED');
  const broken = followed.filter(({ state }) => state !== 'OK');
  for (const { url, parent, status } of broken) console.error(`${status ?? ''} ${url}\n  on ${parent}`);
  console.log(`${followed.length} links followed, ${broken.length} broken`);
  if (broken.length > 0 || followed.length === 0) process.exitCode = 1;
}

async function main() {
  const { values } = parseArgs({
    options: {
      'build-only': { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      port: { type: 'string', default: '8080' },
    },
  });
  build();
  if (values['build-only']) return;
  const server = await serve(values.check ? 0 : Number(values.port));
  if (!values.check) {
    console.log(`documentation on http://${HOST}:${server.address().port}/ (Ctrl-C ends)`);
    return;
  }
  await check(server);
  server.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
