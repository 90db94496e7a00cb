// Programs of users that compile against the installed package, declarations of libraries checked too.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { filterProblems } from '@arethetypeswrong/core/problems';
import { expect } from 'chai';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { SLOWNESS } from '../support/slowness.js';
import { openWorkshop, type Project } from './project.js';

const PATIENCE = 240_000 * SLOWNESS; // ms, on a busy machine

const PROGRAM = `
import { connect, listen, serve, serveEach, type ListenOptions, type Protocol, type Server } from 'evio';
import { lines } from 'evio/protocols';
import { wire } from 'evio/testing';
import { map } from 'rxjs';

const upper: Protocol = (data$) => data$.pipe(lines(), map((line) => line.toUpperCase() + '\\n'));
const options: ListenOptions = { idleTimeout: 1000, poller: 'net' };
export const server: Server = listen(['tcp://127.0.0.1:0', ':0'], options);
server.connections$.pipe(serveEach(upper)).subscribe();
connect('tcp://127.0.0.1:1').subscribe((connection) => connection.write(new Uint8Array(1)));
void serve('tcp', ':0', (id, data, ctx) => [data, ctx.open && id > 0], null, null, null, { open: true });
wire(upper, { client: '-a-|', server: '-A-|' }, { a: 'x\\n', A: 'X\\n' });
export async function stop(): Promise<number> {
  await using closing = server;
  return closing.addresses[0]?.port ?? 0;
}

// @ts-expect-error no such poller
listen(':0', { poller: 'epol' });
// @ts-expect-error no such option
listen(':0', { hiWaterMark: 1 });
// @ts-expect-error an answer says whether to stay open
void serve('tcp', ':0', (_id, data) => [data], null, null, null, undefined);
// @ts-expect-error a protocol answers with bytes
serveEach((data$) => data$.pipe(map((data) => data.length)));
`;

/** Options of tsc, as users of each kind have them; CommonJS needs a module kind that knows require(esm). */
const KINDS = [
  { file: 'program.mts', module: 'node16', moduleResolution: 'node16' },
  { file: 'program.mts', module: 'nodenext', moduleResolution: 'nodenext' },
  { file: 'program.cts', module: 'nodenext', moduleResolution: 'nodenext' },
  { file: 'program.ts', module: 'esnext', moduleResolution: 'bundler' },
];

describe('a program that uses the package', function () {
  this.timeout(PATIENCE);
  let project: Project;
  let tarball: string;

  before('installs it with the types of Node.js', async () => {
    const workshop = await openWorkshop();
    const packed = await workshop.tarball({ prebuilds: false });
    tarball = packed.file;
    project = workshop.project(workshop.machine('no compiler'));
    await project.npmInstall(packed, '--ignore-scripts', '@types/node');
  });

  for (const { file, module, moduleResolution } of KINDS) {
    it(`compiles as ${path.extname(file)} with module ${module} and moduleResolution ${moduleResolution}`, async () => {
      project.write(file, PROGRAM);
      const compilerOptions = {
        ...{ module, moduleResolution, target: 'es2022', lib: ['es2022', 'esnext.disposable'] },
        ...{
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
          types: ['node'],
        },
      };
      project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
      const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
      const { code, stdout } = await project.run('node', [path.join(manifest, '../bin/tsc')]);
      expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    });
  }

  it('finds nothing wrong with what is published (publint)', async () => {
    const { messages, pkg } = await publint({ pkgDir: project.evio, level: 'suggestion', pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).to.deep.equal([]);
  });

  it('finds no type that is wrong, by import and by require (attw)', async () => {
    const analysis = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    if (analysis.types === false) throw new Error('the package has no types');
    expect(Object.keys(analysis.entrypoints)).to.include.members(['.', './protocols', './testing']);
    for (const resolutionKind of ['node16-esm', 'bundler'] as const)
      expect(filterProblems(analysis, { resolutionKind }), resolutionKind).to.deep.equal([]);
    // "Only by import()", which was so before require(esm): every Node.js that the package admits has it.
    const required = filterProblems(analysis, { resolutionKind: 'node16-cjs' });
    expect(new Set(required.map(({ kind }) => kind))).to.deep.equal(new Set(['CJSResolvesToESM']));
  });

  it('gets what it needs and nothing else', async () => {
    const { stdout } = await project.must('npm', [
      'pack',
      '--dry-run',
      '--json',
      '--ignore-scripts',
      tarball,
    ]);
    const [{ files, unpackedSize, size }] = Object.values(JSON.parse(stdout) as Record<string, Contents>) as [
      Contents,
    ];
    const kinds = new Set(
      files.map(({ path: file }) =>
        file.replace(/[\w-]+(?=\.[\w.]+$)/, '*').replace(/^dist\/.*(?=\*)/, 'dist/'),
      ),
    );
    expect([...kinds].sort()).to.deep.equal([
      '*.gyp',
      '*.json',
      '*.md',
      'LICENSE',
      'dist/*.d.ts',
      'dist/*.js',
      'native/*.cc',
      'native/*.cjs',
      'native/*.h',
      'native/*.txt',
    ]);
    // Prebuilds add 0.3 MB, and 0.1 MB to the tarball.
    expect(unpackedSize).to.be.below(1_000_000);
    expect(size).to.be.below(300_000);
  });
});

interface Contents {
  readonly files: readonly { readonly path: string }[];
  readonly unpackedSize: number;
  readonly size: number;
}
