// docs/testing.md: every block of code runs, and what the text says it prints is what it prints.
//
// A block `js` is a program; its first line names its file, so that later ones can import it. `js mocha` is a file for mocha. A
// block `text` right behind one is what that one prints, or a part of what it fails with; without one it must not fail.

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

const ROOT = path.dirname(fileURLToPath(import.meta.resolve('evio/package.json')));
const FOLDER = path.join(ROOT, '.out', 'docs');
const MOCHA = path.join(ROOT, 'node_modules', 'mocha', 'bin', 'mocha.js');

interface Block {
  readonly file: string;
  readonly code: string;
  readonly heading: string;
  readonly runner: string | undefined;
  /** What it prints. */
  readonly output: string | undefined;
}

/** The blocks of a page, each with the heading that it stands below. */
function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  for (const [, title, tag, content = ''] of page.matchAll(
    /^#+ (.*)$|^```(\w+(?: \w+)?)\n([\s\S]*?)^```$/gm,
  )) {
    if (title !== undefined) heading = title;
    const [language, runner] = tag?.split(' ') ?? [];
    if (language === 'js') {
      const [, file] = /^\/\/ ([\w-]+\.js)\n/.exec(content) ?? [];
      if (file === undefined) throw new Error(`a block below "${heading}" does not name its file`);
      blocks.push({ file, code: content, heading, runner, output: undefined });
    } else if (language === 'text') {
      const last = blocks.pop();
      if (last?.output !== undefined || last === undefined) throw new Error('output of nothing');
      blocks.push({ ...last, output: content.trimEnd() });
    }
  }
  return blocks;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run({ file, runner }: Block): Promise<Outcome> {
  const args = runner === 'mocha' ? [MOCHA, '--no-config', '--no-package', file] : [file];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: FOLDER }, (error, stdout, stderr) => {
      resolve({
        code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
        stdout,
        stderr,
      });
    });
  });
}

describe('docs/testing.md', () => {
  const blocks = blocksOf(readFileSync(path.join(ROOT, 'docs', 'testing.md'), 'utf8'));

  before(() => {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
  });

  it('has blocks of code', () => {
    expect(blocks.length).to.be.greaterThan(10);
  });

  for (const block of blocks) {
    it(`${block.heading}: ${block.file}`, async () => {
      writeFileSync(path.join(FOLDER, block.file), block.code);
      const { code, stdout, stderr } = await run(block);
      if (block.output === undefined) {
        expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      } else if (code === 0) {
        expect(stdout.trimEnd()).to.equal(block.output);
      } else {
        expect(stderr).to.include(block.output);
      }
    }).timeout(60_000);
  }
});
