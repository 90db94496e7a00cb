// The tarballs of the package, and projects of users that install them.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { type Finished, Machine } from './machine.js';
import { type Packed, Registry } from './registry.js';

const ROOT = path.dirname(fileURLToPath(import.meta.resolve('evio/package.json')));
/** What is no part of a fresh clone. */
const OUTPUTS = /^(node_modules|dist|build.*|prebuilds|coverage|\..*)$/;
/** What users of the package install with it. */
const BESIDE = ['rxjs', 'tslib', 'node-addon-api', 'node-api-headers', '@types/node', 'undici-types'];

/** The first program of a newcomer, with its own client. */
const ECHO = `
import net from 'node:net';
import { listen } from 'evio';

const server = listen('tcp://127.0.0.1:0');
server.connections$.subscribe((connection) => {
  connection.data$.subscribe(connection);
});
await server.ready;
const client = net.connect(server.addresses[0].port, '127.0.0.1', () => client.end('hello'));
let answer = '';
for await (const data of client) answer += data;
console.log(JSON.stringify({ poller: server.poller, answer }));
await server.close();
`;

export interface Echo {
  readonly poller: string;
  readonly answer: string;
}

/** A tarball of the package, and what making it cost in seconds of a processor. */
export interface Tarball {
  readonly file: string;
  readonly work: number;
}

/** A folder for everything that a run needs, with a registry; it goes with the process. */
export class Workshop {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'evio-package-'));
  readonly #tarballs = new Map<boolean, Promise<Tarball>>();
  #count = 0;

  private constructor(readonly registry: Registry) {
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  static async open(): Promise<Workshop> {
    const workshop = new Workshop(await Registry.start());
    await workshop.#stock();
    return workshop;
  }

  /** A folder that nobody has had. */
  fresh(): string {
    const folder = path.join(this.folder, String(++this.#count));
    mkdirSync(folder);
    return folder;
  }

  machine(compiler: 'compiler' | 'no compiler'): Machine {
    return new Machine(this.fresh(), { compiler: compiler === 'compiler' });
  }

  /** What `npm pack` makes of a clone: with prebuilds, on a machine that has compilers, or without. */
  tarball({ prebuilds }: { readonly prebuilds: boolean }): Promise<Tarball> {
    const known = this.#tarballs.get(prebuilds) ?? this.#pack(prebuilds);
    this.#tarballs.set(prebuilds, known);
    return known;
  }

  async #pack(prebuilds: boolean): Promise<Tarball> {
    const machine = this.machine('no compiler');
    const folder = this.fresh();
    const clone = path.join(folder, 'clone');
    cpSync(ROOT, clone, {
      recursive: true,
      filter: (source) => path.dirname(source) !== ROOT || !OUTPUTS.test(path.basename(source)),
    });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(clone, 'node_modules'));
    const env = prebuilds ? { PATH: process.env['PATH'] } : {};
    await machine.must(clone, 'npm', ['pack', `--pack-destination=${folder}`], env);
    const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Packed;
    return { file: path.join(folder, `evio-${version}.tgz`), work: machine.work };
  }

  /** Has the registry serve it as `evio`, in the place of an earlier one. */
  publish({ file }: Tarball): void {
    const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Packed;
    const { name, version } = manifest;
    this.registry.add(path.dirname(file), { name, version, filename: path.basename(file) }, manifest);
  }

  /** An empty project, with what tells package managers the registry. */
  project(machine: Machine): Project {
    const folder = path.join(this.fresh(), 'project');
    mkdirSync(folder);
    const { url } = this.registry;
    writeFileSync(path.join(folder, 'package.json'), '{ "name": "project", "private": true }\n');
    writeFileSync(
      path.join(folder, '.npmrc'),
      `registry=${url}/\naudit=false\nfund=false\nupdate-notifier=false\n`,
    );
    writeFileSync(path.join(folder, 'echo.mjs'), ECHO);
    return new Project(folder, machine, url);
  }

  /** Packs what is installed here for the registry. */
  async #stock(): Promise<void> {
    const folder = this.fresh();
    const places = BESIDE.map((name) => path.join(ROOT, 'node_modules', name));
    const machine = this.machine('no compiler');
    const args = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`, ...places];
    const { stdout } = await machine.must(folder, 'npm', args);
    for (const packed of Object.values(JSON.parse(stdout) as Record<string, Packed>)) {
      const manifest = readFileSync(path.join(ROOT, 'node_modules', packed.name, 'package.json'), 'utf8');
      // Yarn wants node-gyp for whoever names it in a script; these are scripts of their developers, and node-gyp is not here.
      this.registry.add(folder, packed, { ...(JSON.parse(manifest) as object), scripts: {} });
    }
  }
}

let workshop: Promise<Workshop> | undefined;

/** The one of this process. */
export function openWorkshop(): Promise<Workshop> {
  return (workshop ??= Workshop.open());
}

/** A user's project. */
export class Project {
  constructor(
    readonly folder: string,
    readonly machine: Machine,
    readonly registry: string,
  ) {}

  /** The folder of the installed package. */
  get evio(): string {
    return path.join(this.folder, 'node_modules/evio');
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }

  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
    return this.machine.run(this.folder, command, args, env);
  }

  must(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
    return this.machine.must(this.folder, command, args, env);
  }

  /** `npm install` of a tarball, together with the peer. */
  npmInstall({ file }: Tarball, ...options: readonly string[]): Promise<Finished> {
    return this.must('npm', ['install', file, 'rxjs', '--foreground-scripts', ...options]);
  }

  /** What the newcomer's program says. */
  async echo(command: readonly string[] = ['node']): Promise<Echo> {
    const [program = '', ...args] = command;
    const { stdout } = await this.must(program, [...args, 'echo.mjs']);
    return JSON.parse(stdout) as Echo;
  }

  /** `npx evio …`, as the command that it finds. */
  command(...args: readonly string[]): Promise<Finished> {
    return this.run('node_modules/.bin/evio', args);
  }
}

/** The name of this system's prebuild. */
export const HERE = `${process.platform}-${process.arch}`;
