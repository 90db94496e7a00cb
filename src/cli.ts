#!/usr/bin/env node
// The command `evio`.

import { readFileSync } from 'node:fs';
import process from 'node:process';

import { diagnose } from './doctor.js';

const USAGE = `Usage: evio doctor      which poller serves here, why not another one, and the limits that matter
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

const [command, ...others] = process.argv.slice(2);
if (command === '--version' && others.length === 0) {
  console.log(version());
} else if ((command === '--help' || command === 'help') && others.length === 0) {
  console.log(USAGE);
} else if (command === 'doctor' && others.length === 0) {
  doctor();
} else {
  console.error(USAGE);
  process.exitCode = 2;
}
