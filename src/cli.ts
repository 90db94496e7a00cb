#!/usr/bin/env node
// The command `evio`.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { diagnose } from './doctor.js';

const USAGE = `Usage: evio doctor      which poller serves here, why not another one, and the limits that matter
       evio build       makes the native poller, with a C++17 compiler
       evio --version`;

function version(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function doctor(): void {
  const { lines, healthy } = diagnose(version());
  console.log(lines.join('\n'));
  if (!healthy) process.exitCode = 1;
}

/** In a process of its own, as the install step is: this one has loaded what is there. */
function build(): void {
  const script = fileURLToPath(new URL('../native/compile.cjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

const [command, ...others] = process.argv.slice(2);
if (command === '--version' && others.length === 0) {
  console.log(version());
} else if ((command === '--help' || command === 'help') && others.length === 0) {
  console.log(USAGE);
} else if (command === 'doctor' && others.length === 0) {
  doctor();
} else if (command === 'build' && others.length === 0) {
  build();
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
