// `npm run test:arm64 [-- streams poller]`: the addon cross-built for Linux on arm64, and the specs in Node under qemu-user.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { except, type Exception } from './exceptions.js';
import { folder, here, nodeBinary, Problem, root, type System, versionIn } from './packages.js';
import { main, runSpecs, WITHOUT_NODE } from './suite.js';

const TARGET: System = { os: 'linux', cpu: 'arm64' };
const NODE = '20';
const QEMU = 'qemu-aarch64';
const COMPILER = 'aarch64-linux-gnu-g++';
/** Where Debian keeps the C library of the cross compiler. */
const LIBRARIES = '/usr/aarch64-linux-gnu';
/** Specs get that many times their time. */
const SLOWNESS = 10;

const EXCEPTIONS: readonly Exception[] = [
  ...except("it looks for addons in build/ and build-kqueue/, which hold this machine's", [
    'naming an addon for another poller',
    'naming several addons',
    'EVIO_NATIVE that is empty',
    'names the poller in use and the file it is from',
  ]),
  ...except("the compiler of TypeScript is this machine's", [
    'the code of README.md',
    'the code of docs/callbacks.md',
    'the code of docs/deployment.md',
    'the code of docs/streams-and-backpressure.md',
  ]),
  ...except("the addon with faults is this machine's", ['over faulty system calls']),
  ...except("npm is this machine's, and installs nothing beside a Node for another one", [
    'the test kit runs under vitest',
    'the test kit runs under jest',
  ]),
  ...except("the probe of memory is this machine's, and weighs the emulator", [
    'weigh what a connection holds',
  ]),
];

await main(async (args) => {
  needs(QEMU, 'qemu-user');
  needs(COMPILER, 'g++-aarch64-linux-gnu');
  const addon = build();
  const binary = nodeBinary(NODE, TARGET);
  const version = versionIn(path.join(binary, '../..'));
  const run = {
    where: `Node ${version} on arm64 (${QEMU})`,
    command: [wrapper(binary)],
    env: { EVIO_NATIVE: addon, EVIO_SPEC_POLLERS: 'epoll,net' },
    only: args,
    without: WITHOUT_NODE,
    exceptions: EXCEPTIONS,
    slowness: SLOWNESS,
  };
  return [await runSpecs(run)];
});

/** The addon for arm64. */
function build(): string {
  const out = path.join(root, 'build-arm64');
  const cmakeJs = path.join(
    path.dirname(createRequire(import.meta.url).resolve('cmake-js/package.json')),
    'bin/cmake-js',
  );
  console.log(`building ${path.relative(root, out)}`);
  const toolchain = path.join(root, 'spec/elsewhere/aarch64.cmake');
  const args = ['compile', '--arch', TARGET.cpu, '-O', out, `--CDCMAKE_TOOLCHAIN_FILE=${toolchain}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [cmakeJs, ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Problem(`${stdout}${stderr}\nthe addon could not be built for arm64`);
  return path.join(out, 'Release/evio.node');
}

/** A program for this kernel that is Node on arm64, and that its own children find as `process.execPath`. */
function wrapper(binary: string): string {
  const file = path.join(folder, `${TARGET.os}-${TARGET.cpu}`, 'bin/node');
  const preload = fileURLToPath(new URL('./exec-path.cjs', import.meta.url));
  const command = [QEMU, '-L', LIBRARIES, binary, '--require', preload].map(quoted).join(' ');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\nEVIO_SPEC_NODE="$0" exec ${command} "$@"\n`, { mode: 0o755 });
  return file;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

function needs(tool: string, debianPackage: string): void {
  if (here.os !== 'linux') throw new Problem('qemu-user needs Linux');
  const { error } = spawnSync(tool, ['--version']);
  if (error !== undefined) throw new Problem(`no ${tool}: install Debian's ${debianPackage}`);
}
