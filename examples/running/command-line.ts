// The command line that all examples share: --host, --port, --poller and --help, beside an example's own options.

import { parseArgs } from 'node:util';
import type { ListenOptions } from 'evio';
import { fail } from './run-until-signal.js';

/** Options of one example: what goes after the name, what it is for, and what it is unless given. */
export type OwnOptions<Name extends string> = Readonly<
  Record<Name, { readonly value: string; readonly about: string; readonly default: string }>
>;

export interface CommandLine<Name extends string> {
  readonly host: string;
  readonly port: number;
  /** For `listen`: `tcp://127.0.0.1:9999`. */
  readonly address: string;
  /** For `listen`: the poller, if one was asked for. Else the library looks at EVIO_POLLER, or takes the best. */
  readonly options: ListenOptions;
  readonly own: Readonly<Record<Name, string>>;
}

/**
 * Reads the command line. What is wrong with it is one line on stderr and exit code 1.
 *
 * @param about - one line that says what the program does
 * @param port - where it listens unless told otherwise
 */
export function commandLine<Name extends string = never>(
  about: string,
  port: number,
  own = {} as OwnOptions<Name>,
): CommandLine<Name> {
  const table = {
    host: { value: 'ADDRESS', about: 'the address to listen on', default: '127.0.0.1' },
    port: { value: 'NUMBER', about: 'the port to listen on, 0 for any free one', default: String(port) },
    poller: { value: 'NAME', about: 'epoll, kqueue, net or auto', default: '' },
    ...own,
  };
  const given = parse(table);
  if (given['help'] === true) {
    console.log(`${about}\n\n${describe(table)}`);
    process.exit(0);
  }
  const text = (name: string): string => String(given[name]);
  if (!/^\d{1,5}$/.test(text('port')) || Number(text('port')) > 65535) {
    fail(`--port takes a number from 0 to 65535, not '${text('port')}'`);
  }
  const host = text('host').replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: Number(text('port')),
    address: `tcp://${host.includes(':') ? `[${host}]` : host}:${text('port')}`,
    // Whether there is such a poller is for `listen` to say.
    options: text('poller') === '' ? {} : ({ poller: text('poller') } as ListenOptions),
    own: Object.fromEntries(Object.keys(own).map((name) => [name, text(name)])) as Record<Name, string>,
  };
}

function parse(table: OwnOptions<string>): Readonly<Record<string, unknown>> {
  const options = Object.entries(table).map(([name, option]) => [
    name,
    { type: 'string', default: option.default },
  ]);
  try {
    return parseArgs({ options: { ...Object.fromEntries(options), help: { type: 'boolean', short: 'h' } } })
      .values;
  } catch (error) {
    // Node adds advice on positional arguments after the first sentence.
    const [problem = ''] = (error as Error).message.split(/\. |\n/);
    return fail(`${problem.replace(/\.$/, '')}; --help shows the options`);
  }
}

function describe(table: OwnOptions<string>): string {
  const rows = Object.entries(table).map(([name, option]) => {
    const usual = option.default === '' ? '' : ` (${option.default})`;
    return [`--${name} ${option.value}`, `${option.about}${usual}`] as const;
  });
  const all = [...rows, ['--help', 'this text'] as const];
  const width = Math.max(...all.map(([given]) => given.length));
  return all.map(([given, about]) => `  ${given.padEnd(width)}  ${about}`).join('\n');
}
