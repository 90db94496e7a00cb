// The Markdown files of this project, and what stands in them: headings, links, blocks of code.

import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import GithubSlugger from 'github-slugger';
import { lexer, walkTokens } from 'marked';

export const ROOT: string = path.dirname(fileURLToPath(import.meta.resolve('evio/package.json')));

/** Where nothing is ours, or nothing stays. */
const FOREIGN = new Set(['node_modules', 'dist', 'coverage']);

/** All Markdown files, as paths from the root with slashes. */
export function markdownFiles(folder = ''): string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const file = path.posix.join(folder, entry.name);
      if (entry.isFile()) return file.endsWith('.md') ? [file] : [];
      const ours = !FOREIGN.has(entry.name) && !/^(\.(?!github$)|build)/.test(entry.name);
      return entry.isDirectory() && ours && file !== 'docs/api' ? markdownFiles(file) : [];
    })
    .sort();
}

/** A block of code behind a fence. */
export interface Block {
  /** The first word behind the fence: `ts`, `sh`. */
  readonly language: string;
  /** The words behind that. */
  readonly more: readonly string[];
  readonly code: string;
  /** The heading that it stands below. */
  readonly heading: string;
}

/** One file, read. */
export interface Page {
  readonly file: string;
  /** As GitHub makes them from headings. */
  readonly anchors: ReadonlySet<string>;
  /** Targets of links and images, as written. */
  readonly links: readonly string[];
  readonly blocks: readonly Block[];
  /** What stands between single backticks. */
  readonly codespans: readonly string[];
}

export function pageOf(file: string): Page {
  const text = readFileSync(path.join(ROOT, file), 'utf8');
  const slugger = new GithubSlugger();
  const anchors = new Set<string>();
  const links: string[] = [];
  const blocks: Block[] = [];
  const codespans: string[] = [];
  let heading = '';
  void walkTokens(lexer(text), (token) => {
    if (token.type === 'heading') {
      heading = token.text as string;
      anchors.add(slugger.slug(heading.replace(/`|\[([^\]]*)\]\([^)]*\)/g, '$1')));
    } else if (token.type === 'link' || token.type === 'image') {
      links.push(token.href as string);
    } else if (token.type === 'codespan') {
      codespans.push(token.text as string);
    } else if (token.type === 'html') {
      links.push(...[...token.raw.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)].map(([, to = '']) => to));
    } else if (token.type === 'code') {
      const [language = '', ...more] = ((token.lang as string | undefined) ?? '').split(' ');
      blocks.push({ language, more, code: `${token.text as string}\n`, heading });
    }
  });
  return { file, anchors, links, blocks, codespans };
}
