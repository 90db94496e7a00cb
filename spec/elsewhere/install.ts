// `npm run test:install [-- pnpm12 yarn4]`: the tarball of the package, installed by each package manager into an empty project of
// somebody with an empty home, with prebuilds and without; and what is done there to get the native poller when scripts are blocked.

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { Machine } from '../package/machine.js';
import { openWorkshop, type Project, type Tarball, type Workshop } from '../package/project.js';
import { here, install, nodeBinary, Problem, versionIn } from './packages.js';

/** Where a package manager is from, and how it is called. */
interface Manager {
  readonly name: string;
  /** What npm is asked for. */
  readonly from: string;
  /** The program in that package. */
  readonly program: string;
  /** The line of Node that it needs, where the one that runs this is too old. */
  readonly node?: string;
  /** Whether it runs the install script of a package that nobody has approved. */
  readonly runsScripts: boolean;
  /** Says where the registry is, beside the .npmrc that every project has. */
  readonly prepare?: (project: Project) => void;
  /** Adds the tarball, or `evio` as the registry has it. */
  readonly add: (file: string) => readonly string[];
  /** Starts a program that imports what was installed. Default `node`. */
  readonly start?: readonly string[];
}

// What these two publish under their own names only starts one of these.
const bun = `@oven/bun-${here.os}-${here.cpu === 'arm64' ? 'aarch64' : here.cpu}`;
const pnpm12 = `@pnpm/exe.${here.os}-${here.cpu}@12`;

const MANAGERS: readonly Manager[] = [
  {
    ...{ name: 'npm11', from: 'npm@11', program: 'bin/npm-cli.js', runsScripts: true },
    add: (file) => ['install', file, 'rxjs'],
  },
  {
    ...{ name: 'npm12', from: 'npm@12', program: 'bin/npm-cli.js', node: '24', runsScripts: false },
    add: (file) => ['install', file, 'rxjs'],
  },
  {
    ...{ name: 'pnpm10', from: 'pnpm@10', program: 'bin/pnpm.cjs', runsScripts: false },
    add: (file) => ['add', file, 'rxjs'],
  },
  {
    ...{ name: 'pnpm12', from: pnpm12, program: 'pnpm', runsScripts: true },
    // It ends with an error, its work done, when nobody has said whether a package's script may run; and the option
    // does not know a tarball by the name of its package.
    add: () => ['add', '--allow-build=evio', 'evio', 'rxjs'],
  },
  {
    ...{ name: 'yarn1', from: 'yarn@1', program: 'bin/yarn.js', runsScripts: true },
    add: (file) => ['add', '--no-progress', file, 'rxjs'],
  },
  {
    ...{ name: 'yarn4', from: '@yarnpkg/cli-dist@4', program: 'bin/yarn.js', runsScripts: false },
    prepare: (project) => {
      const settings = [
        `npmRegistryServer: "${project.registry}"`,
        'unsafeHttpWhitelist: ["127.0.0.1"]',
        'enableImmutableInstalls: false',
        'enableTelemetry: false',
      ];
      project.write('.yarnrc.yml', `${settings.join('\n')}\n`);
      writeFileSync(path.join(project.folder, 'yarn.lock'), '');
    },
    add: (file) => ['add', `evio@file:${file}`, 'rxjs'],
    start: ['yarn4', 'node'], // it keeps packages in archives, which only its own loader reads
  },
  {
    ...{ name: 'bun', from: bun, program: 'bin/bun', runsScripts: false },
    add: (file) => ['add', file, 'rxjs'],
  },
];

interface Row {
  readonly what: string;
  readonly seconds: number;
  readonly wrong: readonly string[];
}

class Install {
  readonly #wrong: string[] = [];

  constructor(
    readonly manager: Manager,
    readonly workshop: Workshop,
    readonly tarballs: { readonly bare: Tarball; readonly full: Tarball },
  ) {}

  /** An install with that tarball on that machine, which has to end with that poller. */
  async row(prebuilds: boolean, compiler: boolean): Promise<Row> {
    const { manager } = this;
    const machine = this.#machine(compiler);
    const project = this.workshop.project(machine);
    manager.prepare?.(project);
    const started = performance.now();
    const tarball = prebuilds ? this.tarballs.full : this.tarballs.bare;
    this.workshop.publish(tarball);
    await project.must(manager.name, manager.add(tarball.file), { YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' });
    const seconds = (performance.now() - started) / 1000;
    await this.#expect(project, prebuilds || (compiler && manager.runsScripts) ? 'epoll' : 'net');
    if (!prebuilds && compiler && !manager.runsScripts) await this.#build(project);
    const what = `${manager.name.padEnd(6)} ${prebuilds ? 'prebuilds   ' : 'no prebuilds'} ${compiler ? 'compiler   ' : 'no compiler'}`;
    return { what, seconds, wrong: this.#wrong.splice(0) };
  }

  async #expect(project: Project, poller: string): Promise<void> {
    const echo = await project.echo(this.manager.start);
    if (echo.answer !== 'hello') this.#wrong.push(`the echo is '${echo.answer}'`);
    if (echo.poller !== poller) this.#wrong.push(`the poller is ${echo.poller}, not ${poller}`);
  }

  /** What `evio doctor` advises. */
  async #build(project: Project): Promise<void> {
    const { start: [yarn] = [] } = this.manager;
    if (yarn === undefined) await project.must('node_modules/.bin/evio', ['build']);
    else await project.must(yarn, ['run', 'evio', 'build']);
    await this.#expect(project, 'epoll');
  }

  #machine(compiler: boolean): Machine {
    const { name, from, program, node } = this.manager;
    const [place = ''] = install(new Map([[name, from]]));
    const tools = { compiler, ...(node === undefined ? {} : { node: nodeBinary(node) }) };
    const machine = new Machine(this.workshop.fresh(), tools);
    machine.add(name, path.join(place, program));
    return machine;
  }
}

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !MANAGERS.some((manager) => manager.name === name));
  if (unknown.length > 0) {
    throw new Problem(
      `unknown: ${unknown.join(', ')}; known: ${MANAGERS.map(({ name }) => name).join(', ')}`,
    );
  }
  const workshop = await openWorkshop();
  const [bare, full] = [
    await workshop.tarball({ prebuilds: false }),
    await workshop.tarball({ prebuilds: true }),
  ];
  const rows: Row[] = [];
  for (const manager of MANAGERS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const installs = new Install(manager, workshop, { bare, full });
    const [place = ''] = install(new Map([[manager.name, manager.from]]));
    console.log(`\n${manager.name}: version ${versionIn(place)}`);
    for (const prebuilds of [true, false]) {
      for (const compiler of [false, true]) {
        const row = await installs.row(prebuilds, compiler);
        rows.push(row);
        console.log(
          `${row.wrong.length === 0 ? 'ok    ' : 'FAILED'} ${row.what} ${row.seconds.toFixed(1)} s`,
        );
        for (const line of row.wrong) console.log(`       ${line}`);
      }
    }
  }
  if (rows.length === 0 || rows.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Problem ? error.message : error);
  process.exitCode = 1;
}
