// Texts of the page. A catalogue maps a name to a template with {values}, or to plural forms chosen by the value `n`.
// The types read the values out of the English template: a forgotten or misspelt value does not compile.
export type Plural = { readonly one: string; readonly other: string; readonly few?: string; readonly many?: string };
export type Template = string | Plural;

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
export type Values<M extends Template> = M extends string ? Names<M> : M extends Plural ? Names<M['one'] | M['other']> | 'n' : never;
export type Value = string | number;

/** What another language must bring: the same names, each a template of its own, plural where English is. */
export type Translation<Catalogue extends Record<string, Template>> = {
  readonly [Key in keyof Catalogue]: Catalogue[Key] extends string ? string : Plural;
};

export function fill(template: Template, values: Readonly<Record<string, Value>>, locale: string): string {
  const chosen = typeof template === 'string' ? template : pluralForm(template, values['n'], locale);
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? new Intl.NumberFormat(locale).format(value) : value;
  });
}

/** The form of CLDR's rules for the language. A language brings a form only where it differs from `other`. */
function pluralForm(template: Plural, n: Value | undefined, locale: string): string {
  const rule = new Intl.PluralRules(locale).select(typeof n === 'number' ? n : Number(n ?? 0));
  if (rule === 'one') return template.one;
  if (rule === 'few' && template.few !== undefined) return template.few;
  if (rule === 'many' && template.many !== undefined) return template.many;
  return template.other;
}
