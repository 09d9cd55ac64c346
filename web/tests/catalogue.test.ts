import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fill, type Template } from '../src/messages/catalogue';
import { en } from '../src/messages/en';
import { codedMessages } from '../src/messages/en.coded';
import { languageNames, languages } from '../src/messages';

const source = path.resolve(import.meta.dirname, '../src');
const tables = path.resolve(import.meta.dirname, '../../tables');
const files = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? files(path.join(folder, entry.name)) : /\.tsx?$/.test(entry.name) && !/messages/.test(entry.parentPath + entry.name) ? [path.join(folder, entry.name)] : []);
const code = files(source).map((file) => ({ file: path.relative(source, file), text: readFileSync(file, 'utf8') }));

const all = await Promise.all(languageNames.map(async (name) => ({ name, messages: await languages[name].load() as Readonly<Record<string, Template>> })));
const translated = all.filter(({ name }) => name !== 'en');
const forms = (template: Template): [string, string][] => (typeof template === 'string' ? [['', template]] : Object.entries(template));
const valuesIn = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].toSorted();
const whole = (template: Template): string => forms(template).map(([, text]) => text).join(' ');
const rows = (name: string): string[][] => readFileSync(path.join(tables, name), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t'));

// What this product never says, in each language: normal, negative, clear of anything, no cancer, detected, diagnosis, safe. Word forms are listed
// as stems; a letter before them makes another word (a sub-stem such as "abnormal" is caught by its own entry where it matters).
const never: Readonly<Record<string, RegExp>> = {
  en: /(?<!\p{L})(normal\w*|abnormal\w*|clear|negative|no cancer|cancer-free|detected|diagnos\w+|AI found|safe)(?!\p{L})/iu,
  de: /(?<!\p{L})((ab)?normal\w*|unauffällig\w*|negativ\w*|befundfrei|ohne Befund|o\. ?B\.|kein(en)? Krebs|krebsfrei|detektiert\w*|erkannt\w*|entdeckt\w*|nachgewiesen\w*|ausgeschlossen|diagnos\p{L}*|gesund\w*|sicher|sichere\w?|ungefährlich\w*|unbedenklich\w*)(?!\p{L})/iu,
  fr: /(?<!\p{L})((a|para)?norma(l|le|ux|les)|négati(f|ve)s?|sans anomalie|sans particularité|R\.?A\.?S\.?|indemne|pas de cancer|aucun cancer|détectée?s?|dépistée?s?|diagnosti\p{L}+|sain(e|s|es)?|sûre?s?|sans danger|claire?s?)(?!\p{L})/iu,
  es: /(?<!\p{L})((a)?norma(l|les)|negativ[oa]s?|sin hallazgos|sin alteraciones|sin cáncer|libre de cáncer|detectad[oa]s?|diagn[oó]stic\p{L}*|san[oa]s?|segur[oa]s?|a salvo|limpi[oa]s?|clar[oa]s?)(?!\p{L})/iu,
  it: /(?<!\p{L})((a)?norma(le|li)|nella norma|negativ[oaie]|nessun (cancro|tumore)|senza tumore|rilevat[oaie]|individuat[oaie]|diagnos\p{L}+|san[oaie]|sicur[oaie]|pulit[oaie]|chiar[oaie])(?!\p{L})/iu,
  pl: /(?<!\p{L})((nie)?normaln\p{L}+|(nie)?prawidłow\p{L}+|w normie|bez zmian|negatywn\p{L}+|ujemn\p{L}+|brak raka|bez raka|wykry(to|t[yae]\p{L}*)|diagno\p{L}+|rozpoznan\p{L}+|zdrow\p{L}+|bezpieczn\p{L}+|czyst\p{L}+)(?!\p{L})/iu,
  el: /(?<!\p{L})(φυσιολογικ\p{L}+|παθολογικ\p{L}+|αρνητικ\p{L}+|χωρίς καρκίνο|κανένας καρκίνος|χωρίς ευρήματα|ανιχνεύ\p{L}+|εντοπίσ\p{L}+|διάγνωσ\p{L}+|διαγνω\p{L}+|υγι(ής|ές|είς)|ασφαλ(ής|ές|είς|ώς)|καθαρ\p{L}+)(?!\p{L})/iu,
};

describe('the catalogue', () => {
  it('has no message that no page uses', () => {
    const text = code.map((file) => file.text).join('\n');
    // t(`list.word.${word}`) and coded(`reason.${list}.${code}`) use every name that begins so.
    const stems = [...text.matchAll(/(?:t\(|coded\(|name=\{)`([\w.]+)\$\{/g)].map((match) => match[1] ?? '');
    const unused = Object.keys(en).filter((name) => !text.includes(`'${name}'`) && !stems.some((stem) => name.startsWith(stem)));
    expect(unused).toEqual([]);
  });

  for (const { name, messages } of translated) {
    it(`has every message in ${name}, none of its own, and says which are missing with their English`, () => {
      const missing = Object.entries(en).filter(([message]) => messages[message] === undefined || forms(messages[message]).some(([, text]) => text.trim() === ''));
      expect(Object.fromEntries(missing), `to be translated in src/messages/${name}`).toEqual({});
      expect(Object.keys(messages).filter((message) => !Object.hasOwn(en, message)), `not used any more, in src/messages/${name}`).toEqual([]);
    });

    it(`puts the same values into every message in ${name}, plural where English is`, () => {
      for (const [message, english] of Object.entries(en) as [string, Template][]) {
        const template = messages[message] ?? '';
        expect(typeof template, `${name} ${message}`).toBe(typeof english);
        // A form for one thing may do without its number.
        for (const [form, text] of forms(template)) expect(valuesIn(text).filter((value) => !valuesIn(whole(english)).includes(value)), `${name} ${message} ${form}`).toEqual([]);
        expect(valuesIn(whole(template)), `${name} ${message}`).toEqual(valuesIn(whole(english)));
        const most = forms(template).find(([form]) => form === '' || form === 'other')?.[1] ?? '';
        const englishMost = forms(english).find(([form]) => form === '' || form === 'other')?.[1] ?? '';
        expect(valuesIn(most), `${name} ${message}`).toEqual(valuesIn(englishMost));
      }
    });

    it(`brings every plural form that ${name} has for the numbers of a page`, () => {
      const rules = new Intl.PluralRules(name);
      // From a million on French, Spanish and Italian have one more form, for numbers written as words; in figures it is the same as `other`.
      const needed = [...new Set([...Array.from({ length: 1000 }, (_, n) => rules.select(n)), 'other'])].toSorted();
      for (const [message, template] of Object.entries(messages)) if (typeof template !== 'string') expect(Object.keys(template).toSorted(), `${name} ${message}`).toEqual(needed);
    });

    it(`is really in ${name}: hardly a sentence is the English one`, () => {
      const same = Object.entries(en).filter(([message, english]) => typeof english === 'string' && /\p{L}{4,}[^{}]* \p{L}{4,}/u.test(english) && messages[message] === english);
      expect(same).toEqual([]);
    });
  }

  for (const { name, messages } of all) {
    it(`never says in ${name} a word that this product must not say`, () => {
      const rule = never[name];
      expect(rule, `the words that ${name} must not say are listed in this test`).toBeDefined();
      expect(Object.entries(messages).filter(([, template]) => rule?.test(whole(template)) === true)).toEqual([]);
    });
  }
  it('would notice such a word in every language', () => {
    const samples: Record<string, string[]> = {
      en: ['Nothing abnormal', 'safe to send', 'A nodule was detected'], de: ['Unauffälliger Befund', 'Rundherd erkannt', 'Diagnose: keine', 'Das ist sicher.'], fr: ['Examen normal', 'nodule détecté', 'Résultat négatif'],
      es: ['Estudio normal', 'nódulo detectado', 'sin cáncer'], it: ['Esame nella norma', 'nodulo rilevato', 'negativo'], pl: ['Obraz prawidłowy', 'wykryto guzek', 'bez zmian'], el: ['Φυσιολογική εξέταση', 'αρνητικό', 'εντοπίστηκε όζος'],
    };
    for (const name of languageNames) for (const sample of samples[name] ?? ['']) expect(never[name]?.test(sample), `${name}: ${sample}`).toBe(true);
  });

  it('knows the coded reasons and concepts of the node under its words', () => {
    const known: Record<string, string> = codedMessages;
    for (const [kind, reason, , , text] of rows('reasons.tsv')) expect(known[`reason.${kind}.${reason}`], `tables/reasons.tsv ${reason}`).toBe(text);
    for (const [, value, scheme, meaning] of rows('finding_codes.tsv')) expect(known[`concept.${scheme}.${value}`], `tables/finding_codes.tsv ${meaning}`).toBe(meaning);
    const terms = new Map(rows('terms/codes.tsv').map(([, scheme, value, meaning]) => [`concept.${scheme}.${value}`, meaning]));
    for (const [name, text] of Object.entries(known)) if (terms.has(name) && !rows('finding_codes.tsv').some(([, value]) => name.endsWith(`.${value}`))) expect(text.toLowerCase(), name).toBe(terms.get(name)?.toLowerCase());
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
