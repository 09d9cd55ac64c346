// Which language a person sees: what this person chose in this browser, else what this browser was last set to, else what the browser asks for.
import { useSyncExternalStore } from 'react';
import { isLanguage, language, languageNames, onLanguage, pseudo, speak, type Language } from '@/messages';

interface Chosen { last: Language | null; people: Readonly<Record<string, Language>> }
const place = 'vedette.language';

function stored(): Chosen {
  try {
    const value = JSON.parse(window.localStorage.getItem(place) ?? '{}') as Partial<Record<keyof Chosen, unknown>> | null;
    const people = typeof value?.people === 'object' && value.people !== null ? Object.entries(value.people).filter((entry): entry is [string, Language] => isLanguage(entry[1] as string)) : [];
    return { last: isLanguage(value?.last as string) ? value?.last as Language : null, people: Object.fromEntries(people) };
  } catch {
    return { last: null, people: {} };
  }
}
function store(chosen: Chosen): void {
  try { window.localStorage.setItem(place, JSON.stringify(chosen)); } catch { /* lasts until the page is left */ }
}

const primary = (tag: string): string => tag.toLowerCase().split('-')[0] ?? '';

/** The first language that the browser asks for and the page has; English where it has none of them. */
export const preferred = (tags: readonly string[]): Language => tags.map(primary).find(isLanguage) ?? 'en';
/** Numbers and dates as in the person's region where the browser names one for this language (de-CH). English is written as in Europe. */
export const regional = (name: Language, tags: readonly string[]): string =>
  name === 'en' ? 'en-GB' : (tags.find((tag) => primary(tag) === name && supported(tag)) ?? name);
function supported(tag: string): boolean {
  try { return Intl.NumberFormat.supportedLocalesOf(tag).length > 0; } catch { return false; }
}

/** The language of the words and the document; while nothing was loaded, what index.html says. */
async function become(name: Language | typeof pseudo): Promise<boolean> {
  const done = await speak(name, name === pseudo ? 'en-GB' : regional(name, navigator.languages));
  if (done) document.documentElement.lang = language();
  return done;
}

let person: string | null = null;
/** ?lang= holds for this visit only and is not kept. */
const fromAddress = (): Language | typeof pseudo | null => {
  const asked = new URLSearchParams(window.location.search).get('lang');
  return asked === pseudo ? pseudo : isLanguage(asked) ? asked : null;
};
let visit: Language | typeof pseudo | null = null;

export async function startLanguage(): Promise<void> {
  visit = fromAddress();
  await become(visit ?? stored().last ?? preferred(navigator.languages));
}

/** Somebody signed in: from here on the page speaks as this person chose, and remembers for this person. Null: nobody is signed in. */
export async function speakFor(name: string | null): Promise<void> {
  person = name;
  if (name === null) return;
  const own = stored().people[name];
  if (visit === null && own !== undefined && own !== language()) await become(own);
}

export async function chooseLanguage(name: Language): Promise<boolean> {
  visit = null;
  const { people } = stored();
  store({ last: name, people: person === null ? people : { ...people, [person]: name } });
  return become(name);
}

export const useLanguage = (): Language | typeof pseudo => useSyncExternalStore(onLanguage, language);
export const offered: readonly Language[] = languageNames;
