// docs/deployment.md: its unit and its program go together.

import { expect } from 'chai';

import { pageOf } from './markdown.js';

const { blocks } = pageOf('docs/deployment.md');

function only(language: string, pattern: RegExp): string {
  const found = blocks.filter((block) => block.language === language && pattern.test(block.code));
  expect(found, `${language} ${pattern}`).to.have.length(1);
  return found[0]?.code ?? '';
}

/** The number behind a name: `maxConnections: 20_000`, `LimitNOFILE=32768`, `--stop-timeout 40`. */
function numberOf(text: string, name: string): number {
  const [, digits = ''] = new RegExp(`${name}[:= ]+([\\d_]+)`).exec(text) ?? [];
  return Number.parseInt(digits.replaceAll('_', ''), 10);
}

describe('the deployment page', () => {
  const unit = only('ini', /ExecStart/);
  const program = only('ts', /^\/\/ server\.ts/);
  const container = only('sh', /docker run/);

  it('has a unit of sections and settings', () => {
    const lines = unit.split('\n').filter((line) => line !== '');
    expect(lines.filter((line) => !/^(\[(Unit|Service|Install)\]|[A-Z]\w+=\S.*)$/.test(line))).to.deep.equal(
      [],
    );
  });

  it('starts the program of the page', () => {
    expect(unit).to.match(/^ExecStart=\S*node \S*\/server\.js$/m);
    expect(program).to.include("process.env['LISTEN']");
    for (const [, address = ''] of `${unit}${container}`.matchAll(/LISTEN=(\S+)/g)) {
      expect(address).to.equal('tcp://:9999');
    }
  });

  it('gives it more time to stop than it takes', () => {
    const seconds = numberOf(program, 'timeout') / 1000;
    expect(seconds).to.be.greaterThan(0);
    expect(numberOf(unit, 'TimeoutStopSec')).to.be.greaterThan(seconds);
    expect(numberOf(container, '--stop-timeout')).to.be.greaterThan(seconds);
  });

  it('lets it open more files than it has connections', () => {
    const most = numberOf(program, 'maxConnections');
    expect(most).to.be.greaterThan(0);
    expect(numberOf(unit, 'LimitNOFILE')).to.be.greaterThan(most);
    expect(numberOf(container, 'nofile')).to.be.greaterThan(most);
  });
});
