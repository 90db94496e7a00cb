// The package as `npm pack` makes it, installed as a newcomer does: an empty home, with a C++ compiler and without.

import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { expect } from 'chai';

import { SLOWNESS } from '../support/slowness.js';
import { needs } from '../support/tools.js';
import { HERE, openWorkshop, type Project, type Tarball, type Workshop } from './project.js';

const PATIENCE = 240_000 * SLOWNESS; // ms: a compiler on a busy machine
/** A newcomer's patience, in seconds of one processor. */
const A_MINUTE = 60;
const PREBUILDS = ['linux-arm64', 'linux-x64'];

/** Lines of ours, among those of npm. */
function saidByEvio({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string[] {
  return `${stdout}\n${stderr}`.split('\n').filter((line) => line.startsWith('evio:'));
}

describe('the package', function () {
  this.timeout(PATIENCE);
  let workshop: Workshop;

  before('opens a workshop', async () => {
    workshop = await openWorkshop();
  });

  const bare = (): Promise<Tarball> => workshop.tarball({ prebuilds: false });
  async function full(context: Mocha.Context): Promise<Tarball> {
    needs(context, 'aarch64-linux-gnu-g++', 'x86_64-linux-gnu-g++');
    return workshop.tarball({ prebuilds: true });
  }
  /** A project in which it is installed without any script having run. */
  async function installed(tarball: Tarball, compiler: 'compiler' | 'no compiler'): Promise<Project> {
    const project = workshop.project(workshop.machine(compiler));
    await project.npmInstall(tarball, '--ignore-scripts');
    return project;
  }

  it('with prebuilds goes from npm pack to an echo by the native poller in a minute of work, without a compiler', async function () {
    const tarball = await full(this);
    const project = workshop.project(workshop.machine('no compiler'));
    expect(saidByEvio(await project.npmInstall(tarball))).to.deep.equal([]);
    expect(await project.echo()).to.deep.equal({ poller: 'epoll', answer: 'hello' });
    const { stdout } = await project.must('npm', ['exec', '--offline', '--', 'evio', 'doctor']);
    expect(stdout).to.include(`poller: epoll, from ${project.evio}/prebuilds/${HERE}/evio.node\n`);
    expect(tarball.work + project.machine.work).to.be.below(A_MINUTE);
  });

  it('without prebuilds and compiler goes from npm pack to an echo by net in a minute of work, and one line tells how to do better', async () => {
    const tarball = await bare();
    const project = workshop.project(workshop.machine('no compiler'));
    expect(saidByEvio(await project.npmInstall(tarball))).to.deep.equal([
      'evio: no native poller (no C++17 compiler found), so it runs on `net`. With a C++17 compiler, `npx evio build` makes one.',
    ]);
    expect(await project.echo()).to.deep.equal({ poller: 'net', answer: 'hello' });
    expect(tarball.work + project.machine.work).to.be.below(A_MINUTE);
  });

  it('without prebuilds is built when it is installed, by a compiler alone', async () => {
    const tarball = await bare();
    const project = workshop.project(workshop.machine('compiler'));
    expect(saidByEvio(await project.npmInstall(tarball))).to.deep.equal([]);
    expect(await project.echo()).to.deep.equal({ poller: 'epoll', answer: 'hello' });
    const { stdout } = await project.command('doctor');
    expect(stdout).to.include(`poller: epoll, from ${project.evio}/build/Release/evio.node\n`);
    expect(tarball.work + project.machine.work).to.be.below(A_MINUTE);
    // What is there and loads is not built again; and a checkout is left to its owner.
    const since = project.machine.work;
    const install = path.join(project.evio, 'native/install.cjs');
    await project.must('node', [install]);
    rmSync(path.join(project.evio, 'build'), { recursive: true });
    await project.must('node', [install], { EVIO_SKIP_NATIVE: '1' });
    writeFileSync(path.join(project.evio, 'tsconfig.json'), '{}');
    await project.must('node', [install]);
    expect(existsSync(path.join(project.evio, 'build'))).to.equal(false);
    expect(project.machine.work - since).to.be.below(2);
  });

  it('without scripts finds its prebuild all the same', async function () {
    const project = await installed(await full(this), 'no compiler');
    expect(await project.echo()).to.deep.equal({ poller: 'epoll', answer: 'hello' });
  });

  it('without scripts and prebuilds runs on net, until evio build', async () => {
    const project = await installed(await bare(), 'compiler');
    expect(await project.echo()).to.deep.equal({ poller: 'net', answer: 'hello' });
    expect((await project.command('doctor')).stdout).to.include('\n  npx evio build\n');
    const { code, stdout, stderr } = await project.command('build');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^evio: built .*\/build\/Release\/evio\.node in [\d.]+ s\n$/);
    expect(await project.echo()).to.deep.equal({ poller: 'epoll', answer: 'hello' });
  });

  it('says what evio build lacks, with exit code 1', async () => {
    const project = await installed(await bare(), 'no compiler');
    const without = await project.command('build');
    expect(without.code).to.equal(1);
    expect(without.stderr).to.match(/^evio: no native poller: no C\+\+17 compiler found\. .*`net`\.\n/);
    expect(without.stderr).to.match(/apt-get install g\+\+/);
    const { code, stderr } = await project.run('node_modules/.bin/evio', ['build'], {
      CXX: 'no-such-compiler',
    });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^evio: no native poller: CXX=no-such-compiler compiles no C\+\+17\./);
    expect(existsSync(path.join(project.evio, 'build'))).to.equal(false);
  });

  it('shows what the compiler says of a source that does not compile, and leaves nothing half-built', async () => {
    const project = await installed(await bare(), 'compiler');
    writeFileSync(path.join(project.evio, 'native/addon.cc'), '#error planted\n');
    const { code, stderr } = await project.command('build');
    expect(code).to.equal(1);
    expect(stderr).to.match(/native\/addon\.cc:1:2: error: #error planted/);
    expect(stderr).to.match(/\nevio: no native poller: its source does not compile\. .*`net`\.\n$/);
    expect(await project.echo()).to.deep.equal({ poller: 'net', answer: 'hello' });
    // The install step meets the same, in one line, and does not fail.
    const install = await project.must('node', [path.join(project.evio, 'native/install.cjs')]);
    expect(saidByEvio(install)).to.have.length(1);
  });

  it('with a prebuild that is broken says what is wrong, and runs on net', async function () {
    const project = await installed(await full(this), 'no compiler');
    const prebuild = path.join(project.evio, 'prebuilds', HERE, 'evio.node');
    const other = PREBUILDS.find((name) => name !== HERE) ?? '';
    const whole = readFileSync(prebuild);
    const harms: readonly (readonly [harm: () => void, said: RegExp])[] = [
      [() => truncateSync(prebuild, whole.length - 4096), /: cut short: \d+ of \d+ bytes\n/],
      [() => truncateSync(prebuild, 60_000), /: cut short: 60000 of \d+ bytes\n/],
      [() => truncateSync(prebuild, 10), /: file too short\n/],
      [
        () => writeFileSync(prebuild, 'no addon, but a text that is long enough for a header of this kind'),
        /: invalid ELF header\n/,
      ],
      [
        () => copyFileSync(path.join(project.evio, 'prebuilds', other, 'evio.node'), prebuild),
        /: built for \w+, and this is \w+\n/,
      ],
      [() => rmSync(prebuild), /: No such file or directory\n/],
    ];
    for (const [harm, said] of harms) {
      harm();
      const { code, stdout } = await project.command('doctor');
      expect({ code, stdout }, String(said)).to.deep.include({ code: 0 });
      expect(stdout).to.include('poller: net\n');
      expect(stdout).to.match(said);
      expect(stdout).to.include('\n  npx evio build\n');
      expect(await project.echo()).to.deep.equal({ poller: 'net', answer: 'hello' });
      const install = await project.must('node', [path.join(project.evio, 'native/install.cjs')]);
      expect(saidByEvio(install)).to.have.length(1);
    }
    writeFileSync(prebuild, whole);
    expect((await project.echo()).poller).to.equal('epoll');
  });

  it('holds prebuilds that load on systems as old as Node.js itself, each for its own processor', async function () {
    const tarball = await full(this);
    const project = await installed(tarball, 'no compiler');
    const { aboveFloor } = createRequire(import.meta.url)('../../../native/prebuild.cjs') as {
      aboveFloor: (file: string) => string[];
    };
    const machines = [];
    for (const name of PREBUILDS) {
      const file = path.join(project.evio, 'prebuilds', name, 'evio.node');
      expect(aboveFloor(file), name).to.deep.equal([]);
      machines.push(readFileSync(file).readUInt16LE(18));
    }
    expect(machines).to.deep.equal([183, 62]); // EM_AARCH64, EM_X86_64
    // The check finds what a program of this system needs.
    expect(aboveFloor('/bin/sh')).to.include('GLIBC_2.34');
  });
});
