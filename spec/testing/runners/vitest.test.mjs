import { wire } from 'evio/testing';
import { expect, test } from 'vitest';

import { lanes, upper, values } from './upper.mjs';

const options = { assertDeepEqual: (actual, expected) => expect(actual).toEqual(expected) };

test('a diagram that is right', () => {
  expect.hasAssertions();
  wire(upper, lanes('A'), values, options);
});
test('a diagram that is wrong', () => wire(upper, lanes('a'), values, options));
// Without the hook the runner has nothing to count.
test('a diagram that is not counted', () => {
  expect.hasAssertions();
  wire(upper, lanes('A'), values);
});
