import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wire } from 'evio/testing';

import { lanes, upper, values } from './upper.mjs';

let compared = 0;
const options = {
  assertDeepEqual: (actual, expected) => {
    compared += 1;
    assert.deepEqual(actual, expected);
  },
};

test('a diagram that is right', () => {
  wire(upper, lanes('A'), values, options);
  assert.ok(compared > 0);
});
test('a diagram that is wrong', () => wire(upper, lanes('a'), values, options));
