// A command as a person types it: `SET key "a value"`.
//
// Words are apart by white space. In double quotes there are escapes (\n \r \t \b \a \xHH, any other character stands for
// itself), in single quotes only \'. A closing quote ends the word.

const SPACE = /[ \t-\r]/;
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** With one character a byte. Undefined when quotes are not balanced. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && SPACE.test(line.charAt(at))) at++;
    if (at >= line.length) return words;
    let word = '';
    let quoted = false;
    while (at < line.length && !SPACE.test(line.charAt(at))) {
      if (quoted) return undefined; // a closing quote and no space behind it
      const character = line.charAt(at);
      if (character === '"' || character === "'") {
        const piece = character === '"' ? doubleQuoted(line, at + 1) : singleQuoted(line, at + 1);
        if (piece === undefined) return undefined;
        word += piece.text;
        at = piece.end;
        quoted = true;
      } else {
        word += character;
        at++;
      }
    }
    words.push(word);
  }
}

interface Piece {
  readonly text: string;
  /** Behind the closing quote. */
  readonly end: number;
}

function doubleQuoted(line: string, start: number): Piece | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '"') return { text, end: at + 1 };
    if (character !== '\\') {
      text += character;
      continue;
    }
    const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4))?.[1];
    if (hex === undefined) {
      const escaped = line.charAt(++at);
      text += CONTROLS[escaped] ?? escaped;
    } else {
      text += String.fromCharCode(parseInt(hex, 16));
      at += 3;
    }
  }
  return undefined;
}

function singleQuoted(line: string, start: number): Piece | undefined {
  let text = '';
  for (let at = start; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === "'") return { text, end: at + 1 };
    if (character === '\\' && line.charAt(at + 1) === "'") at++;
    text += line.charAt(at);
  }
  return undefined;
}
