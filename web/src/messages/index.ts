// t('name', {values}) gives the text of the present language. Languages other than English are added to `languages`.
import { fill, type Template, type Translation, type Value, type Values } from './catalogue';
import { en } from './en';

export type MessageName = keyof typeof en;
export type Messages = Translation<typeof en>;
type ValuesOf<Name extends MessageName> = Values<(typeof en)[Name]>;
type Rest<Name extends MessageName> = [ValuesOf<Name>] extends [never] ? [] : [values: Readonly<Record<ValuesOf<Name>, Value>>];

export const languages: Readonly<Record<string, { name: string; messages: Messages }>> = {
  en: { name: 'English', messages: en },
};

let current = 'en';
export const locale = (): string => current;
export function setLocale(name: string): void {
  if (languages[name] === undefined) return;
  current = name;
  document.documentElement.lang = name;
}

export function t<Name extends MessageName>(name: Name, ...rest: Rest<Name>): string {
  const messages: Record<MessageName, Template> = languages[current]?.messages ?? en;
  return fill(messages[name], (rest[0] ?? {}) as Readonly<Record<string, Value>>, current);
}
