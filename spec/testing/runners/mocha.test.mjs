import { expect } from 'chai';
import { wire } from 'evio/testing';

import { lanes, upper, values } from './upper.mjs';

const options = { assertDeepEqual: (actual, expected) => void expect(actual).to.deep.equal(expected) };

it('a diagram that is right', () => wire(upper, lanes('A'), values, options));
it('a diagram that is wrong', () => wire(upper, lanes('a'), values, options));
