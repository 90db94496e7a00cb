// What the tiny projects test: a protocol that answers in upper case, and the diagram of a talk with it.

import { map } from 'rxjs';

export const upper = (data$) => data$.pipe(map((data) => data.toString().toUpperCase()));

export const values = { a: 'ping', A: 'PING' };

/** The server's lane is right when `answer` is `A`. */
export const lanes = (answer) => ({ client: '--a--|', server: `--${answer}--|` });
