// What the Markdown files point to is there: files, headings of other files, and paths that are only named.

import { existsSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'chai';

import { ROOT, markdownFiles, pageOf } from './markdown.js';
import type { Page } from './markdown.js';

const PAGES = new Map(markdownFiles().map((file) => [file, pageOf(file)]));
const ELSEWHERE = /^[a-z][a-z+.-]*:/i;
/** Paths in the text that begin in a folder of this repository; what is generated need not be there. */
const OURS = /^(?:src|native|spec|examples|docs|\.ci|\.github)\/[\w./-]*$/;
const GENERATED = /^docs\/(api|node_modules)\b/;

function isThere(file: string): boolean {
  return existsSync(path.join(ROOT, file));
}

/** Why a relative link leads nowhere; undefined if it leads somewhere. */
function fault({ file }: Page, link: string): string | undefined {
  const [target = '', anchor] = decodeURI(link).split('#');
  const meant = target === '' ? file : path.posix.join(path.posix.dirname(file), target);
  if (meant.startsWith('..')) return 'leaves the repository';
  if (!isThere(meant)) return 'no such file';
  if (anchor === undefined) return undefined;
  const headings = PAGES.get(meant)?.anchors;
  if (headings === undefined) return 'an anchor in what is no Markdown';
  return headings.has(anchor) ? undefined : 'no such heading';
}

describe('links of the Markdown files', () => {
  it('are looked for in all of them', () => {
    expect([...PAGES.keys()]).to.include.members(['README.md', 'CHANGELOG.md', 'docs/testing.md']);
    expect([...PAGES.values()].flatMap(({ links }) => links).length).to.be.greaterThan(20);
  });

  it('would be found to lead nowhere', () => {
    const page = pageOf('README.md');
    expect(fault(page, 'no-such-file.md')).to.equal('no such file');
    expect(fault(page, '../elsewhere')).to.equal('leaves the repository');
    expect(fault(page, '#no-such-heading')).to.equal('no such heading');
    expect(fault(page, 'docs/testing.md#values')).to.equal(undefined);
    expect(fault(pageOf('docs/testing.md'), '../spec/conformance/conformance.ts')).to.equal(undefined);
  });

  for (const page of PAGES.values()) {
    it(`${page.file}: every relative link leads somewhere`, () => {
      const faults = page.links
        .filter((link) => !ELSEWHERE.test(link))
        .map((link) => `${link}: ${fault(page, link) ?? 'fine'}`);
      expect(faults.filter((line) => !line.endsWith(': fine'))).to.deep.equal([]);
    });

    it(`${page.file}: every file that is named exists`, () => {
      const named = page.codespans.filter((text) => OURS.test(text) && !GENERATED.test(text));
      expect(named.filter((file) => !isThere(file))).to.deep.equal([]);
    });
  }
});
