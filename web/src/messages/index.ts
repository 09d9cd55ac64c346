// t('name', {values}) gives the text of the present language. English is always here; the others are loaded when they are chosen.
import { fill, type Template, type Translation, type Value, type Values } from './catalogue';
import { en } from './en';

export type MessageName = keyof typeof en;
export type Messages = Translation<typeof en>;
type ValuesOf<Name extends MessageName> = Values<(typeof en)[Name]>;
type Rest<Name extends MessageName> = [ValuesOf<Name>] extends [never] ? [] : [values: Readonly<Record<ValuesOf<Name>, Value>>];

/** Each under the name that its speakers give it. Adding one: docs/languages.md. */
export const languages = {
  en: { name: 'English', load: async (): Promise<Messages> => en },
  de: { name: 'Deutsch', load: async (): Promise<Messages> => (await import('./de')).de },
  el: { name: 'Ελληνικά', load: async (): Promise<Messages> => (await import('./el')).el },
  es: { name: 'Español', load: async (): Promise<Messages> => (await import('./es')).es },
  fr: { name: 'Français', load: async (): Promise<Messages> => (await import('./fr')).fr },
  it: { name: 'Italiano', load: async (): Promise<Messages> => (await import('./it')).it },
  pl: { name: 'Polski', load: async (): Promise<Messages> => (await import('./pl')).pl },
} as const satisfies Record<string, { name: string; load: () => Promise<Messages> }>;
export type Language = keyof typeof languages;
/** Longer, accented and bracketed English, to see what a longer language would do to the page. Reached by ?lang=en-XA only. */
export const pseudo = 'en-XA';
export const languageNames = Object.keys(languages) as Language[];
export const isLanguage = (name: string | null | undefined): name is Language => name !== null && name !== undefined && Object.hasOwn(languages, name);

interface Spoken { language: Language | typeof pseudo; locale: string; messages: Readonly<Record<string, Template>> }
let current: Spoken = { language: 'en', locale: 'en-GB', messages: en };
const listeners = new Set<() => void>();

export const language = (): Language | typeof pseudo => current.language;
/** How numbers and dates are written: the language, with the browser's region where it has one. */
export const locale = (): string => current.locale;
export const onLanguage = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

let asked = 0;
/** Loads a language and speaks it from then on; stays with the present one where it cannot be loaded. False: not loaded. */
export async function speak(name: Language | typeof pseudo, as: string): Promise<boolean> {
  asked += 1;
  const mine = asked;
  let messages: Messages;
  try {
    messages = name === pseudo ? (await import('./pseudo')).stretched(en) : await languages[name].load();
  } catch {
    return false;
  }
  if (mine !== asked) return true;
  current = { language: name, locale: as, messages };
  for (const listener of listeners) listener();
  return true;
}

export function t<Name extends MessageName>(name: Name, ...rest: Rest<Name>): string {
  return fill(current.messages[name] ?? en[name], (rest[0] ?? {}) as Readonly<Record<string, Value>>, current.locale);
}

/** A text that the node names by a code: in the present language where the catalogue has it, null where only the node's words are there. */
export function coded(name: string): string | null {
  if (current.language === 'en' || !Object.hasOwn(en, name)) return null;
  const template = current.messages[name];
  return typeof template === 'string' ? template : null;
}
