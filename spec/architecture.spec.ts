// The rules of the house, checked by reading the sources: who may import whom, and where the operating system may show.

import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

const ROOT = dirname(fileURLToPath(import.meta.resolve('evio/package.json')));

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** Files below a folder whose names end like that, as paths from the root. */
function filesIn(folder: string, ending: RegExp): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => ending.test(file) && statSync(join(ROOT, file)).isFile());
}

interface Import {
  /** As written: `rxjs`, `node:net`, `./poller/net.js`. */
  readonly from: string;
  /** The file meant, as a path from the root, for relative ones. */
  readonly file: string | undefined;
  /** `import type`, `export type`. */
  readonly typeOnly: boolean;
  /** Names in braces, as they are called where they come from. */
  readonly names: readonly string[];
}

function importsOf(file: string): Import[] {
  const code = withoutComments(read(file));
  const statements =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w*\s,]*?(?:\{([^}]*)\})?\s*from\s+)?['"]([^'"]+)['"]|\bimport\s*\(\s*['"]([^'"]+)['"]/gm;
  return [...code.matchAll(statements)].map(([, type, names = '', from, dynamic]) => {
    const target = from ?? dynamic ?? '';
    return {
      from: target,
      file: target.startsWith('.')
        ? normalize(join(dirname(file), target))
            .replaceAll('\\', '/')
            .replace(/\.js$/, '.ts')
        : undefined,
      typeOnly: type !== undefined,
      names: names.split(',').flatMap((name) => /^(?:type\s+)?(\w+)/.exec(name.trim())?.[1] ?? []),
    };
  });
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

const SOURCES = filesIn('src', /\.ts$/);
const GRAPH = new Map(SOURCES.map((file) => [file, importsOf(file)]));

/** The files of this house that a file imports. */
function importedBy(file: string): Import[] {
  return (GRAPH.get(file) ?? []).filter(({ file: target }) => target !== undefined);
}

/** The floor of a file: imports go down, or stay on their floor. */
function floorOf(file: string): number {
  if (file === 'src/index.ts') return 5;
  if (/^src\/(protocols|testing)\//.test(file)) return 4;
  if (file === 'src/serve.ts') return 3;
  if (file.startsWith('src/poller/')) return 1;
  if (LEAVES.has(file)) return 0;
  return 2;
}

/** What everybody may use. `socket-address` makes the addresses of the contract for every poller. */
const LEAVES = new Set(
  ['address', 'bytes', 'errors', 'options', 'socket-address', 'window'].map((name) => `src/${name}.ts`),
);
/** The contract of pollers: types that may be named anywhere. */
const SEAM = 'src/poller/poller.ts';

describe('architecture: imports', () => {
  it('finds the sources and reads their imports', () => {
    expect(SOURCES).to.include.members(['src/index.ts', 'src/serve.ts', SEAM]);
    expect(importsOf('src/index.ts').flatMap(({ names }) => names)).to.include.members([
      'listen',
      'serve',
      'Server',
    ]);
    for (const [file, imports] of GRAPH) {
      for (const { file: target, from } of imports) {
        if (target !== undefined) expect(SOURCES, `${file} imports ${from}`).to.include(target);
      }
    }
  });

  it('go down only', () => {
    const upwards: string[] = [];
    for (const file of SOURCES) {
      for (const { file: target, typeOnly } of importedBy(file)) {
        if (target === undefined || (typeOnly && target === SEAM)) continue;
        if (floorOf(target) > floorOf(file)) upwards.push(`${file} imports ${target}`);
      }
    }
    expect(upwards).to.deep.equal([]);
  });

  it('have no cycles, types included', () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      } else if (!done.has(file)) {
        for (const { file: target } of importedBy(file)) visit(target ?? '', [...path, file]);
        done.add(file);
      }
    };
    for (const file of SOURCES) visit(file, []);
    expect(cycles).to.deep.equal([]);
  });

  it('of index.ts by anybody in src: none', () => {
    const importers = SOURCES.filter((file) =>
      importedBy(file).some(({ file: target }) => target === 'src/index.ts'),
    );
    expect(importers).to.deep.equal([]);
  });

  it('of serve.ts: public names, so that a user could have written it; and the leaf of errors', () => {
    const publicNames = new Set(importsOf('src/index.ts').flatMap(({ names }) => names));
    const others = importedBy('src/serve.ts')
      .filter(({ file }) => file !== 'src/errors.ts')
      .flatMap(({ file, names }) => (names.length === 0 ? [`all of ${file}`] : names))
      .filter((name) => !publicNames.has(name));
    expect(others).to.deep.equal([]);
  });

  it('of leaves: other leaves, and the types of the seam', () => {
    const others: string[] = [];
    for (const leaf of LEAVES) {
      for (const { file, typeOnly, from } of GRAPH.get(leaf) ?? []) {
        const fine =
          file === undefined ? from.startsWith('node:') : LEAVES.has(file) || (typeOnly && file === SEAM);
        if (!fine) others.push(`${leaf} imports ${from}`);
      }
    }
    expect(others).to.deep.equal([]);
  });

  it('of the seam: none', () => {
    expect(importsOf(SEAM)).to.deep.equal([]);
  });

  it('of rxjs: never in src/poller and native', () => {
    const importers = filesIn('src/poller', /\.ts$/).filter((file) =>
      importsOf(file).some(({ from }) => /^rxjs\b/.test(from)),
    );
    expect(importers).to.deep.equal([]);
    const mentions = filesIn('native', /\.(cc|h|cjs)$/).filter((file) =>
      /\brxjs\b/.test(withoutComments(read(file))),
    );
    expect(mentions).to.deep.equal([]);
  });

  it('of the addon: by src/poller/native.ts alone', () => {
    const loaders = SOURCES.filter((file) =>
      /createRequire|\brequire\s*\(|\.dlopen\(|\.node\b['"`]/.test(withoutComments(read(file))),
    );
    expect(loaders).to.deep.equal(['src/poller/native.ts']);
    const users = SOURCES.filter((file) =>
      importedBy(file).some(({ file: target }) => target === loaders[0]),
    );
    expect(users).to.deep.equal(['src/poller/choose.ts']);
  });

  it('of packages: rxjs and Node, nothing else', () => {
    const packages = [...GRAPH.values()]
      .flat()
      .flatMap(({ file, from }) => (file === undefined ? [from] : []));
    expect(packages.filter((from) => !/^(node:[\w/]+|rxjs|rxjs\/testing)$/.test(from))).to.deep.equal([]);
    const testing = SOURCES.filter((file) => importsOf(file).some(({ from }) => from === 'rxjs/testing'));
    expect(testing.filter((file) => !file.startsWith('src/testing/'))).to.deep.equal([]);
  });

  it('of spec, examples and dist by src: none; and by name with its extension', () => {
    const relative = [...GRAPH.values()].flat().filter(({ file }) => file !== undefined);
    expect(relative.filter(({ file }) => file?.startsWith('src/') !== true)).to.deep.equal([]);
    expect(relative.filter(({ from }) => !from.endsWith('.js'))).to.deep.equal([]);
  });

  it('of examples: public names, as a user would', () => {
    const wrong: string[] = [];
    for (const file of filesIn('examples', /\.ts$/)) {
      for (const { file: target, from } of importsOf(file)) {
        const fine =
          target === undefined ? /^(node:|rxjs$|evio$|evio\/)/.test(from) : target.startsWith('examples/');
        if (!fine) wrong.push(`${file} imports ${from}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });
});

/** Lines of a C++ file with preprocessor conditions. */
function conditionsIn(file: string): string[] {
  return read(file)
    .split('\n')
    .filter((line) => /^\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b/.test(line));
}

describe('architecture: native', () => {
  const CODE = filesIn('native', /\.(cc|h)$/);
  const BACKEND = /^native\/poller_\w+\.cc$/;

  it('<napi.h> stays in the top layer', () => {
    const users = CODE.filter((file) =>
      /#include\s+[<"](napi|node_api|js_native_api|node|v8)\.h/.test(read(file)),
    );
    expect(users.map((file) => file.replace(/\.(cc|h)$/, ''))).to.satisfy((names: string[]) =>
      names.every((name) => ['native/addon', 'native/node_loop'].includes(name)),
    );
    expect(users).to.not.deep.equal([]);
  });

  it('<napi.h> is not reached by anybody else through a header', () => {
    const includers = CODE.filter((file) => /#include\s+"node_loop\.h"/.test(read(file)));
    expect(includers.filter((file) => !/native\/(addon|node_loop)\./.test(file))).to.deep.equal([]);
  });

  it('#if stands in poller.cc and socket.cc only, and once round a whole backend', () => {
    const elsewhere = CODE.filter(
      (file) => !/native\/(poller|socket)\.cc$/.test(file) && !BACKEND.test(file),
    );
    expect(elsewhere.flatMap((file) => conditionsIn(file).map((line) => `${file}: ${line}`))).to.deep.equal(
      [],
    );
  });

  it('the guard of a backend stands round all of it', () => {
    const backends = CODE.filter((file) => BACKEND.test(file));
    expect(backends).to.include('native/poller_epoll.cc');
    for (const file of backends) {
      const lines = withoutComments(read(file))
        .split('\n')
        .filter((line) => line.trim() !== '');
      const conditions = conditionsIn(file);
      expect(conditions, file).to.have.length(2);
      expect(lines[0], file).to.equal(conditions[0]);
      expect(lines.at(-1)?.trim(), file).to.equal('#endif');
    }
  });

  it('headers guard themselves by #pragma once', () => {
    const headers = CODE.filter((file) => file.endsWith('.h'));
    expect(headers.filter((file) => !read(file).includes('#pragma once'))).to.deep.equal([]);
  });

  it('both builds read the one list of sources, which is complete', () => {
    const listed = read('native/sources.txt').trim().split('\n');
    const present = filesIn('native', /\.cc$/);
    expect(listed).to.have.members(present);
    for (const build of ['binding.gyp', 'CMakeLists.txt']) {
      expect(read(build), build).to.include('native/sources.txt');
      const named = present.filter((file) => read(build).includes(file));
      expect(named, `${build} names sources of its own`).to.deep.equal([]);
    }
  });

  it('every way to build defines the same', () => {
    const { DEFINES } = createRequire(import.meta.url)('../../native/compile.cjs') as {
      readonly DEFINES: readonly string[];
    };
    expect(DEFINES).to.include('NAPI_VERSION=8');
    const [, listed = ''] = /"defines": \[([^\]]*)\]/.exec(read('binding.gyp')) ?? [];
    expect([...listed.matchAll(/"(\w[^"]*)"/g)].map(([, name]) => name)).to.have.members(DEFINES);
    const [, own = ''] =
      /target_compile_definitions\(evio PRIVATE ([\w=\s]*)/.exec(read('CMakeLists.txt')) ?? [];
    expect(own.trim().split(/\s+/)).to.have.members(DEFINES);
  });
});

describe('architecture: the package', () => {
  const manifest = JSON.parse(read('package.json')) as {
    readonly type: string;
    readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
    readonly files: readonly string[];
    readonly dependencies: Record<string, string>;
    readonly peerDependencies: Record<string, string>;
    readonly scripts: Record<string, string>;
    readonly engines: { readonly node: string };
  };

  it('is ESM for the Nodes of the design, with rxjs as a peer', () => {
    expect(manifest.type).to.equal('module');
    expect(manifest.engines.node).to.match(/20\.19/);
    expect(manifest.peerDependencies)
      .to.have.property('rxjs')
      .which.matches(/^\^7\.8/);
    expect(manifest.dependencies).to.not.have.property('rxjs');
  });

  it('exports index, and what has been built of protocols and testing, each with its types', () => {
    const { '.': main, './package.json': self, ...others } = manifest.exports;
    expect(main).to.deep.equal({ types: './dist/index.d.ts', default: './dist/index.js' });
    expect(self).to.equal('./package.json');
    expect(Object.keys(others).filter((name) => !['./protocols', './testing'].includes(name))).to.deep.equal(
      [],
    );
    for (const [name, target] of Object.entries({ '.': main, ...others })) {
      if (typeof target !== 'object') return expect.fail(`${name} needs types and default`);
      expect(Object.keys(target), `${name}: types come first`).to.deep.equal(['types', 'default']);
      const source = target.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
      expect(SOURCES, name).to.include(source);
      expect(target.types, name).to.equal(target.default.replace(/\.js$/, '.d.ts'));
    }
  });

  it('contains what a build from source needs', () => {
    expect(manifest.files).to.include.members([
      'dist',
      'native/*.cc',
      'native/*.h',
      'native/sources.txt',
      'binding.gyp',
    ]);
    const install = manifest.scripts['install'] ?? '';
    const [, script = ''] = /^node (\S+)$/.exec(install) ?? [];
    expect(manifest.files, `install runs ${script}`).to.include(script);
    // What that script needs goes with it, down to the headers.
    const required = [...read(script).matchAll(/require\('\.\/([\w.]+)'\)/g)].map(
      ([, name]) => `native/${name}`,
    );
    expect(required).to.deep.equal(['native/compile.cjs']);
    expect(manifest.files).to.include.members(required);
    expect(Object.keys(manifest.dependencies)).to.have.members(['node-addon-api', 'node-api-headers']);
  });

  it('contains no maps without their sources, and has no script that npm would run by its name alone', () => {
    expect(manifest.scripts['prepack']).to.include('--sourceMap false --declarationMap false');
    expect(Object.keys(manifest.scripts)).to.not.include.members(['prebuild']);
  });
});

describe('architecture: conformance', () => {
  /** What a simulated poller runs without change. */
  const ANYWHERE = filesIn('spec/conformance', /^spec\/conformance\/(streams|poller)\/.*\.ts$/);
  /** Beside their own folder: the table, what a harness is, and support without an event loop. */
  const IMPORTED = /^spec\/(conformance\/(conformance|harness)|support\/(bytes|connections|uncaught))\.ts$/;
  const CONNECTIONS = 'spec/support/connections.ts';
  const WITHOUT_LOOP = ['Inbox', 'Journal', 'codeOf', 'journalOf', 'pieces', 'valuesOf'];
  /** Time, the loop's turns and the process are the harness's business. */
  const WORLD = /\b((?:set|clear)(?:Timeout|Immediate|Interval)|process(?=\s*(?:\??\.|\[)))/g;

  function offencesIn(file: string): string[] {
    const offences = [...withoutComments(read(file)).matchAll(WORLD)].map(([, name]) => `uses ${name}`);
    for (const { file: target, from, names } of importsOf(file)) {
      const fine =
        target === undefined
          ? /^(chai|rxjs|evio|evio\/protocols|node:module)$/.test(from)
          : dirname(target) === dirname(file) || IMPORTED.test(target);
      if (!fine) offences.push(`imports ${from}`);
      if (target !== CONNECTIONS) continue;
      offences.push(...names.filter((name) => !WITHOUT_LOOP.includes(name)).map((name) => `takes ${name}`));
    }
    return offences.map((offence) => `${file} ${offence}`);
  }

  it('of streams and pollers knows no socket, timer, process or child', () => {
    expect(ANYWHERE).to.include.members([
      'spec/conformance/poller/direct.ts',
      'spec/conformance/streams/reading.spec.ts',
    ]);
    expect(ANYWHERE.flatMap(offencesIn)).to.deep.equal([]);
  });

  it('of the system does, and would be found', () => {
    expect(offencesIn('spec/conformance/system/idle.spec.ts')).to.include.members([
      'spec/conformance/system/idle.spec.ts imports node:timers/promises',
      'spec/conformance/system/idle.spec.ts imports ../../support/peer.js',
      'spec/conformance/system/idle.spec.ts takes pair',
    ]);
    expect(offencesIn('spec/conformance/system/bounded-memory.spec.ts')).to.include(
      'spec/conformance/system/bounded-memory.spec.ts uses process',
    );
    expect(offencesIn('spec/conformance/loopback.ts')).to.include(
      'spec/conformance/loopback.ts uses setTimeout',
    );
  });

  it('of streams and pollers runs over the table, all of it', () => {
    const specs = ANYWHERE.filter((file) => file.endsWith('.spec.ts'));
    const suites = specs.flatMap((file) =>
      [...read(file).matchAll(/^(?:\w+\.)*(\w+)\(/gm)].map(([, name]) => ({ file, name })),
    );
    expect(suites.filter(({ name }) => name !== 'conformance')).to.deep.equal([]);
    expect(new Set(suites.map(({ file }) => file))).to.deep.equal(new Set(specs));
  });
});
