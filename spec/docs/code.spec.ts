// README.md and docs/: every program runs, types and all, and what the text says it prints is what it prints.

import { expect } from 'chai';

import { SLOWNESS } from '../support/slowness.js';
import { needs } from '../support/tools.js';
import { markdownFiles, pageOf } from './markdown.js';
import { Programs, programsOf } from './programs.js';

const PAGES = markdownFiles()
  .map((file) => ({ file, programs: programsOf(pageOf(file)) }))
  .filter(({ programs }) => programs.length > 0);
const TIMEOUT = 60_000 * SLOWNESS;

it('the pages with code are found', () => {
  expect(PAGES.map(({ file }) => file)).to.include.members(['README.md', 'docs/testing.md']);
});

for (const { file: page, programs } of PAGES) {
  describe(`the code of ${page}`, () => {
    const all = new Programs(page, programs);

    it('compiles', async () => {
      const { code, stdout, stderr } = await all.compiled();
      expect(`${stdout}${stderr}`).to.equal('');
      expect(code).to.equal(0);
    }).timeout(TIMEOUT);

    it('has names of its own', () => {
      const names = programs.map(({ file }) => file);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).to.deep.equal([]);
    });

    for (const program of programs) {
      const { dialogue, file, heading, output, serves } = program;

      if (serves) {
        it(`${heading}: ${file} serves`, async function () {
          if (dialogue.length > 0) needs(this, 'sh', 'nc');
          const serving = await all.serve(program);
          try {
            for (const exchange of dialogue) {
              const { stdout, stderr } = await all.type(exchange, serving.port);
              expect(stdout.trimEnd(), exchange.command).to.equal(exchange.output);
              expect(stderr, exchange.command).to.equal('');
            }
          } finally {
            expect((await serving.stop()).stderr).to.equal('');
          }
        }).timeout(TIMEOUT);
        continue;
      }

      it(`${heading}: ${file}`, async () => {
        const { code, stdout, stderr } = await all.run(program);
        expect(code, `it does not end: ${stdout}${stderr}`).to.be.a('number');
        if (output === undefined) {
          expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
        } else if (code === 0) {
          expect(stdout.trimEnd()).to.equal(output);
          expect(stderr).to.equal('');
        } else {
          expect(stderr.replaceAll('\r\n', '\n')).to.include(output); // Windows: written by C's stdio
        }
      }).timeout(TIMEOUT);
    }
  });
}
