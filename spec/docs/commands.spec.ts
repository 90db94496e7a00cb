// Commands that the Markdown files tell people to type.

import { expect } from 'chai';

import { SLOWNESS } from '../support/slowness.js';
import { commandsOf, faultOf } from './commands.js';
import { markdownFiles, pageOf } from './markdown.js';

const PAGES = markdownFiles().map(pageOf);
/** Checked by others: programs and what they print (code.spec.ts), a unit (deployment.spec.ts); and quotations. */
const LANGUAGES = ['js', 'ts', 'text', 'console', 'ini', 'go'];

describe('commands in the Markdown files', () => {
  it('are what stands in blocks sh, and no block is of a kind that nobody checks', () => {
    const others = PAGES.flatMap(({ file, blocks }) =>
      blocks
        .filter(({ language }) => language !== 'sh' && !LANGUAGES.includes(language))
        .map(({ heading, language }) => `${file}: "${heading}" has a block "${language}"`),
    );
    expect(others).to.deep.equal([]);
  });

  it('that are wrong would be found', () => {
    expect(commandsOf('npm ci && npm start   # the echo server\nnc -v \\\n  localhost 1')).to.deep.equal([
      'npm ci',
      'npm start',
      'nc -v localhost 1',
    ]);
    const faults = Object.entries({
      'npm run no-such-script': 'no script no-such-script',
      'npm start -- --no-such-option 1': 'start does not take --no-such-option',
      'npm run bench -- --no-such-option': 'bench does not take --no-such-option',
      'npm run example -- no-such-example': 'no example no-such-example',
      'npm run example -- redis-server --upstream x': 'example does not take --upstream',
      'npm run fuzz -- --minutes 1': 'fuzz does not take --minutes',
      'npm install evi0': 'unknown package evi0',
      'npx evio heal': 'evio has no heal',
      'nosuchprogram --version': 'unknown program nosuchprogram',
      './nosuchfile': 'no file ./nosuchfile',
    });
    for (const [command, fault] of faults) expect(faultOf(command), command).to.equal(fault);
  }).timeout(60_000 * SLOWNESS);

  for (const { file, blocks } of PAGES) {
    const commands = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(({ code }) => commandsOf(code));
    if (commands.length === 0) continue;
    it(`${file}: scripts, options, packages and files are there`, () => {
      const faults = commands.map((command) => `${command}: ${faultOf(command) ?? 'fine'}`);
      expect(faults.filter((line) => !line.endsWith(': fine'))).to.deep.equal([]);
    }).timeout(60_000 * SLOWNESS);
  }
});
