// Words for times, sizes and shares. Waits are in minutes.
import { language, locale, t } from '@/messages';
import type { Wait } from '@/api/types';

const hour = 60;
const day = 24 * hour;

/** "52 min", "3 h 05", "2 d 20 h": the two largest units, never seconds. */
export function waitWords(minutes: number): string {
  const m = Math.max(0, Math.floor(minutes));
  if (m < hour) return t('unit.min', { n: m });
  if (m < day) {
    const rest = m % hour;
    return rest === 0 ? t('unit.h', { n: Math.floor(m / hour) }) : t('unit.h.min', { h: Math.floor(m / hour), min: String(rest).padStart(2, '0') });
  }
  const hours = Math.floor((m % day) / hour);
  return hours === 0 ? t('unit.d', { n: Math.floor(m / day) }) : t('unit.d.h', { d: Math.floor(m / day), h: hours });
}

/** "20 m", "4 h", "3 d": for targets and caps, which are round. */
export function waitShort(minutes: number): string {
  const m = Math.max(0, Math.round(minutes));
  const trim = (value: number): string => decimal(Math.round(value * 10) / 10, 0, 1);
  if (m < hour) return t('unit.min.short', { n: m });
  return m < day ? t('unit.h', { n: trim(m / hour) }) : t('unit.d', { n: trim(m / day) });
}

export interface WaitShape { elapsed: number; target: number; cap: number; nearCap: boolean; over: boolean; pastCap: boolean }

const minutesBetween = (from: string, to: number): number => (to - Date.parse(from)) / 60_000;

/** Times of one clock at the node's `now` (ms). Whether it is near its cap is the node's word, not computed here. */
export function waitShape(wait: Wait, now: number): WaitShape {
  const elapsed = Math.max(0, minutesBetween(wait.since, now));
  return {
    elapsed,
    target: Math.max(0, minutesBetween(wait.since, Date.parse(wait.target_at))),
    cap: Math.max(0, minutesBetween(wait.since, Date.parse(wait.cap_at))),
    nearCap: wait.near_cap,
    over: now > Date.parse(wait.target_at),
    pastCap: now > Date.parse(wait.cap_at),
  };
}

/** A number with so many decimals, the minus as long as it should be; grouping is left out, as in a measured value. */
export const decimal = (value: number, least: number, most: number = least): string =>
  new Intl.NumberFormat(locale(), { minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: false }).format(value).replace('-', '−');
const space = '\u00a0';
/** "71 %": English with a space too, as everywhere in this house; the others as their language writes it. */
export const percent = (share: number): string =>
  (locale() === 'en-GB' ? `${Math.round(share * 100)} %` : new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(share).replace(/[\u00a0\u202f]/u, space));
export const count = (n: number): string => new Intl.NumberFormat(locale()).format(n);

const format = (options: Intl.DateTimeFormatOptions, at: string | number | Date): string => {
  const date = new Date(at);
  // A ward counts to 24, also where the language could say a.m. and p.m.
  return Number.isNaN(date.getTime()) ? '–' : new Intl.DateTimeFormat(locale(), { hourCycle: 'h23', ...options }).format(date);
};
export const clock = (at: string | number | Date): string => format({ hour: '2-digit', minute: '2-digit' }, at);
export const clockSeconds = (at: string | number | Date): string => format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, at);
export const dayMonth = (at: string | number | Date): string => format({ day: 'numeric', month: 'short' }, at);
export const dayMonthYear = (at: string | number | Date): string => format({ day: 'numeric', month: 'short', year: 'numeric' }, at);
export const dateTime = (at: string | number | Date): string =>
  format({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }, at);

/** Today as clock time, other days as day and month. */
export function when(at: string, now: number = Date.now()): string {
  return new Date(at).toDateString() === new Date(now).toDateString() ? clock(at) : `${dayMonth(at)} ${clock(at)}`;
}

/** Bytes in decimal units, as disks are sold. */
export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = Math.max(0, n);
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${decimal(value, digits)} ${units[unit] ?? 'B'}`;
}

export function seconds(s: number): string {
  if (s < 10) return t('unit.s', { n: decimal(s, 0, 1) });
  return s < 120 ? t('unit.s', { n: Math.round(s) }) : waitWords(s / 60);
}

/** A state inside a sentence. */
export const inSentence = (word: string): string => word.toLocaleLowerCase(locale());
/** A title inside a sentence: German keeps the capitals of its nouns; elsewhere only the first letter is taken back, so that names stay. */
export function titleInSentence(title: string): string {
  if (language() === 'en') return title.toLowerCase();
  if (language() === 'de' || /^\p{Lu}{2}/u.test(title)) return title;
  return title.charAt(0).toLocaleLowerCase(locale()) + title.slice(1);
}
