// What a client of the echo servers can type.

export type EchoCommand = 'quit' | 'shutdown';

const LONGEST = 16; // a line is not remembered further than is needed to know that it is no command

/** For one client: give it what arrives, and it says which command was completed by that, if any. */
export function commandsIn(): (data: Buffer) => EchoCommand | undefined {
  let line = ''; // the last line so far: a command may arrive letter by letter
  return (data) => {
    const lines = (line + data.toString('latin1')).split(/\r?\n/);
    line = (lines.pop() ?? '').slice(0, LONGEST);
    return lines.find((text) => text === 'quit' || text === 'shutdown');
  };
}
