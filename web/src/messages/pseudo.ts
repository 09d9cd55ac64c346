// English made longer by two fifths, with accents and brackets: what clips or overlaps in it would do so in a longer language,
// and a text without brackets is one that no catalogue knows.
import type { Plural, Template } from './catalogue';
import type { Messages } from './index';

const accents: Readonly<Record<string, string>> = {
  a: 'å', b: 'ƀ', c: 'ç', d: 'ð', e: 'é', f: 'ƒ', g: 'ĝ', h: 'ĥ', i: 'î', j: 'ĵ', k: 'ķ', l: 'ļ', m: 'ɱ', n: 'ñ', o: 'ö', p: 'þ', q: 'ǫ', r: 'ŕ', s: 'š', t: 'ţ', u: 'û', v: 'ṽ', w: 'ŵ', x: 'ẋ', y: 'ý', z: 'ž',
  A: 'Å', B: 'Ɓ', C: 'Ç', D: 'Ð', E: 'É', F: 'Ƒ', G: 'Ĝ', H: 'Ĥ', I: 'Î', J: 'Ĵ', K: 'Ķ', L: 'Ļ', M: 'Ṁ', N: 'Ñ', O: 'Ö', P: 'Þ', Q: 'Ǫ', R: 'Ŕ', S: 'Š', T: 'Ţ', U: 'Û', V: 'Ṽ', W: 'Ŵ', X: 'Ẋ', Y: 'Ý', Z: 'Ž',
};
const filler = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

export function stretch(text: string): string {
  const plain = text.replace(/\{\w+\}/g, '');
  // Values are as long as they are; a template of values and signs alone has nothing to translate.
  if (!/\p{L}/u.test(plain)) return text;
  const more = Math.ceil(plain.length * 0.4) - 2;
  let added = '';
  for (let at = 0; added.length < more; at += 1) added += ` ${filler[at % filler.length] ?? ''}`;
  const said = text.replace(/\{\w+\}|[A-Za-z]/g, (part) => (part.length === 1 ? (accents[part] ?? part) : part));
  return `[${said}${added.slice(0, Math.max(0, more)).trimEnd()}]`;
}

export function stretched<Catalogue extends Record<string, Template>>(messages: Catalogue): Messages {
  return Object.fromEntries(Object.entries(messages).map(([name, template]): [string, Template] => [
    name,
    typeof template === 'string' ? stretch(template) : Object.fromEntries(Object.entries(template).map(([form, text]) => [form, stretch(text)])) as Plural,
  ])) as Messages;
}
