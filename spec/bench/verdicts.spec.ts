// That what is said of a run follows from its figures: a bar met or missed, a change or none.

import { expect } from 'chai';
import { verdict } from './bars.js';
import { compare, judgeChange } from './compare.js';
import { sampleResults } from './sample-results.js';

const interval = (low: number, high: number): { median: number; low: number; high: number } => ({
  median: (low + high) / 2,
  low,
  high,
});

describe('bench: a bar', () => {
  it('is met below its bound, and where a narrow interval reaches below it', () => {
    expect(verdict(interval(0.9, 1), 1.05)).to.equal('met');
    expect(verdict(interval(0.5, 1), 1.05), 'however wide').to.equal('met');
    expect(verdict(interval(1.04, 1.1), 1.05)).to.equal('met');
  });

  it('is missed when the whole interval lies above it', () => {
    expect(verdict(interval(1.06, 1.1), 1.05)).to.equal('missed');
    expect(verdict(interval(1.06, 3), 1.05), 'however wide').to.equal('missed');
  });

  it('is not resolved when a wide interval holds the bound, or there is none', () => {
    expect(verdict(interval(0.9, 1.3), 1.05)).to.equal('not resolved');
    expect(verdict(undefined, 1.05)).to.equal('not resolved');
  });

  it('turns round where more is better', () => {
    expect(verdict(interval(0.96, 1), 0.95, true)).to.equal('met');
    expect(verdict(interval(0.9, 0.96), 0.95, true)).to.equal('met');
    expect(verdict(interval(0.8, 0.94), 0.95, true)).to.equal('missed');
    expect(verdict(interval(0.7, 1.2), 0.95, true)).to.equal('not resolved');
  });
});

describe('bench: a comparison of two runs', () => {
  const before = sampleResults({
    echo: { 'evio-streams': 5, 'c-epoll': 4.5, 'node-net': 8 },
    idle: { 'evio-streams': 300, 'c-epoll': 0, 'node-net': 1500 },
  });

  it('finds nothing on a machine that is twice as slow', () => {
    const now = sampleResults({
      echo: { 'evio-streams': 10, 'c-epoll': 9, 'node-net': 16 },
      idle: { 'evio-streams': 600, 'c-epoll': 0, 'node-net': 3000 },
    });
    const changes = compare(before, now).map(({ scenario, against, change }) => [scenario, against, change]);
    expect(changes).to.deep.equal([
      ['echo', 'c-epoll', 'same'],
      ['idle', 'node-net', 'same'], // the floor has no figure there
    ]);
  });

  it('finds what became slower or faster by a tenth', () => {
    const now = sampleResults({
      echo: { 'evio-streams': 5.5, 'c-epoll': 4.5, 'node-net': 8 },
      idle: { 'evio-streams': 270, 'c-epoll': 0, 'node-net': 1500 },
    });
    expect(compare(before, now).map(({ change }) => change)).to.deep.equal(['slower', 'faster']);
    expect(compare(now, before).map(({ change }) => change)).to.deep.equal(['faster', 'slower']);
  });

  it('leaves out what one of the runs does not have', () => {
    const now = sampleResults({ churn: { 'evio-streams': 5, 'c-epoll': 4.5 }, echo: { 'c-epoll': 4.5 } });
    expect(compare(before, now)).to.deep.equal([]);
  });

  it('takes intervals that touch, and changes under 3 %, for the same', () => {
    expect(judgeChange(interval(1, 1.1), interval(1.1, 1.2), false)).to.equal('same');
    expect(judgeChange(interval(1, 1.001), interval(1.02, 1.021), false)).to.equal('same');
    expect(judgeChange(interval(1, 1.001), interval(1.05, 1.06), false)).to.equal('slower');
    expect(judgeChange(interval(1, 1.001), interval(1.05, 1.06), true)).to.equal('faster');
    expect(judgeChange(undefined, interval(1, 1.1), false)).to.equal('not resolved');
  });
});
