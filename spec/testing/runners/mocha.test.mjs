import { expect } from 'chai';
import { wire } from 'evio/testing';

import { lanes, upper, values } from './upper.mjs';

let compared = 0;
const options = {
  assertDeepEqual: (actual, expected) => {
    compared += 1;
    expect(actual).to.deep.equal(expected);
  },
};

it('a diagram that is right', () => {
  wire(upper, lanes('A'), values, options);
  expect(compared).to.be.above(0);
});
it('a diagram that is wrong', () => wire(upper, lanes('a'), values, options));
