// For machines that are slow by their nature, such as emulated ones.

import process from 'node:process';

/** How many times more time everything gets: EVIO_SPEC_SLOWNESS, or 1. */
export const SLOWNESS: number = Number(process.env['EVIO_SPEC_SLOWNESS'] ?? 1);
