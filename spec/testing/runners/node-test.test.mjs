import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wire } from 'evio/testing';

import { lanes, upper, values } from './upper.mjs';

const options = { assertDeepEqual: assert.deepEqual };

test('a diagram that is right', () => wire(upper, lanes('A'), values, options));
test('a diagram that is wrong', () => wire(upper, lanes('a'), values, options));
