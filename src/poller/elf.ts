// Whether an ELF file can be loaded here: the linker ends the process (SIGBUS) over one that is cut short, and calls one for
// another processor a file that does not exist.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import process from 'node:process';

const HEADER_BYTES = 64;
const MAGIC = 0x7f_45_4c_46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

/** Values of e_machine, by the name of the processor in Node; 64 bits, little-endian. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183, riscv64: 243, loong64: 258 };

/** Why the file must not be loaded, or undefined: it can be, or the linker itself says well what is wrong. */
export function faultOfElf(file: string): string | undefined {
  const machine = MACHINES[process.arch];
  const header = Buffer.alloc(HEADER_BYTES);
  const size = machine === undefined ? undefined : readHeader(file, header);
  if (size === undefined || header.readUInt32BE(0) !== MAGIC) return undefined;
  const found = header.readUInt16LE(18);
  if (header[4] !== CLASS_64 || header[5] !== LITTLE_ENDIAN || found !== machine) {
    const name = Object.keys(MACHINES).find((key) => MACHINES[key] === found) ?? 'another processor';
    return `built for ${name}, and this is ${process.arch}`;
  }
  // The table of sections is the last thing in a file.
  const whole = Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
  return size < whole ? `cut short: ${size} of ${whole} bytes` : undefined;
}

/** The size of a file whose first bytes are now in `header`, if it has that many. */
function readHeader(file: string, header: Buffer): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined; // the linker says why
  }
  try {
    const read = readSync(descriptor, header, 0, header.length, 0);
    return read < header.length ? undefined : fstatSync(descriptor).size;
  } catch {
    return undefined; // a folder
  } finally {
    closeSync(descriptor);
  }
}
