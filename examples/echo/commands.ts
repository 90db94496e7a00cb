// What a client of the echo servers can type.

export type EchoCommand = 'quit' | 'shutdown';

/** A command, and where in what has just arrived its line ends. */
export interface FoundCommand {
  readonly command: EchoCommand;
  readonly end: number;
}

const LONGEST = 16; // a line is not remembered further than is needed to know that it is no command
const COMMAND = /(?<![^\n])(quit|shutdown)\r?\n/; // at the beginning of a line, which is not what `^` means: CR ends none

/** For one client: give it what arrives, and it says which command was completed by that, if any. */
export function commandsIn(): (data: Buffer) => FoundCommand | undefined {
  let line = ''; // the last line so far: a command may arrive letter by letter
  return (data) => {
    const text = line + data.toString('latin1');
    const before = line.length;
    line = text.slice(text.lastIndexOf('\n') + 1).slice(0, LONGEST);
    const found = COMMAND.exec(text);
    if (found === null) return undefined;
    return { command: found[1] as EchoCommand, end: found.index + found[0].length - before };
  };
}
