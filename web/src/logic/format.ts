// Words for times, sizes and shares. Waits are in minutes.
import { locale } from '@/messages';
import type { Wait } from '@/api/types';

const hour = 60;
const day = 24 * hour;

/** "52 min", "3 h 05", "2 d 20 h": the two largest units, never seconds. */
export function waitWords(minutes: number): string {
  const m = Math.max(0, Math.floor(minutes));
  if (m < hour) return `${m} min`;
  if (m < day) {
    const rest = m % hour;
    return rest === 0 ? `${Math.floor(m / hour)} h` : `${Math.floor(m / hour)} h ${String(rest).padStart(2, '0')}`;
  }
  const hours = Math.floor((m % day) / hour);
  return hours === 0 ? `${Math.floor(m / day)} d` : `${Math.floor(m / day)} d ${hours} h`;
}

/** "20 m", "4 h", "3 d": for targets and caps, which are round. */
export function waitShort(minutes: number): string {
  const m = Math.max(0, Math.round(minutes));
  const trim = (value: number): string => String(Math.round(value * 10) / 10);
  if (m < hour) return `${m} m`;
  return m < day ? `${trim(m / hour)} h` : `${trim(m / day)} d`;
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

export const percent = (share: number): string => `${Math.round(share * 100)} %`;
export const count = (n: number): string => new Intl.NumberFormat(locale()).format(n);

const format = (options: Intl.DateTimeFormatOptions, at: string | number | Date): string => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '–' : new Intl.DateTimeFormat(locale() === 'en' ? 'en-GB' : locale(), options).format(date);
};
export const clock = (at: string | number | Date): string => format({ hour: '2-digit', minute: '2-digit' }, at);
export const clockSeconds = (at: string | number | Date): string => format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, at);
export const dayMonth = (at: string | number | Date): string => format({ day: 'numeric', month: 'short' }, at);
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
  return `${value.toFixed(digits)} ${units[unit] ?? 'B'}`;
}

export function seconds(s: number): string {
  if (s < 10) return `${Math.round(s * 10) / 10} s`;
  return s < 120 ? `${Math.round(s)} s` : waitWords(s / 60);
}
