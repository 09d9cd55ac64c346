import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fill } from '../src/messages/catalogue';
import { en } from '../src/messages/en';
import { languages } from '../src/messages';

const source = path.resolve(import.meta.dirname, '../src');
const files = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? files(path.join(folder, entry.name)) : /\.tsx?$/.test(entry.name) && !/messages/.test(entry.parentPath + entry.name) ? [path.join(folder, entry.name)] : []);
const code = files(source).map((file) => ({ file: path.relative(source, file), text: readFileSync(file, 'utf8') }));

describe('the catalogue', () => {
  it('has no message that no page uses', () => {
    const all = code.map(({ text }) => text).join('\n');
    // t(`list.word.${word}`) uses every name that begins so.
    const stems = [...all.matchAll(/t\(`([\w.]+)\$\{/g)].map((match) => match[1] ?? '');
    const unused = Object.keys(en).filter((name) => !all.includes(`'${name}'`) && !stems.some((stem) => name.startsWith(stem)));
    expect(unused).toEqual([]);
  });

  it('has every name in every language, with the same values in it', () => {
    const values = (template: unknown): string[] => [...JSON.stringify(template).matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').toSorted();
    for (const [code_, language] of Object.entries(languages)) {
      expect(Object.keys(language.messages).toSorted(), code_).toEqual(Object.keys(en).toSorted());
      for (const [name, template] of Object.entries(language.messages)) {
        expect([...new Set(values(template))], `${code_} ${name}`).toEqual([...new Set(values(en[name as keyof typeof en]))]);
      }
    }
  });

  it('never says a word that this product must not say', () => {
    const said = Object.entries(en).filter(([, template]) => /\b(normal|negative|no cancer|detected|diagnosis|AI found)\b/i.test(JSON.stringify(template)));
    expect(said).toEqual([]);
  });

  it('is the only place with words: no text stands in a component', () => {
    const words = />\s*[A-Z][a-z]+ [a-z]+[^<>{}]*</;
    const found = code.filter(({ file }) => file.endsWith('.tsx')).flatMap(({ file, text }) => text.split('\n')
      .filter((line) => words.test(line) && !line.trim().startsWith('//') && !line.includes('=>')).map((line) => `${file}: ${line.trim().slice(0, 100)}`));
    expect(found).toEqual([]);
  });
});

describe('a template', () => {
  it('puts values in and writes numbers as people of that language do', () => {
    expect(fill('{n} of {total}', { n: 312, total: 1200 }, 'en')).toBe('312 of 1,200');
    expect(fill('{n} von {total}', { n: 312, total: 1200 }, 'de')).toBe('312 von 1.200');
  });
  it('leaves an unknown value standing, so that it is seen', () => {
    expect(fill('hello {who}', {}, 'en')).toBe('hello {who}');
  });
  it('takes the plural form of the language', () => {
    const rows = { one: '{n} row', other: '{n} rows' };
    expect([0, 1, 2].map((n) => fill(rows, { n }, 'en'))).toEqual(['0 rows', '1 row', '2 rows']);
    expect(fill({ one: '{n} plik', few: '{n} pliki', many: '{n} plików', other: '{n} pliku' }, { n: 3 }, 'pl')).toBe('3 pliki');
  });
});
