import type { Code, Finding, Measurement } from '@/api/types';
import type { Outline } from './marks';

/** What the card of a finding shows below its words. */
export type CardMode = 'read' | 'edit' | 'reject' | 'verdicts';

export interface MarkedFinding {
  readonly finding: Finding;
  /** null: not here yet, or a point */
  readonly outline: Outline | null;
}

export const isOpen = (finding: Pick<Finding, 'state'>): boolean => finding.state === 'proposed';
export const isReviewed = (finding: Pick<Finding, 'state'>): boolean =>
  ['confirmed', 'edited', 'rejected', 'added'].includes(finding.state);
/** Withdrawn ones were superseded: they are listed apart and not counted. */
export const isCounted = (finding: Pick<Finding, 'state'>): boolean => finding.state !== 'withdrawn';

/** The finding after `id` that has no verdict yet; wraps around; `id` itself where none is left. */
export function nextOpen(findings: readonly Pick<Finding, 'id' | 'state'>[], id: string | null, without: ReadonlySet<string> = new Set()): string | null {
  const at = findings.findIndex((one) => one.id === id);
  const turned = [...findings.slice(at + 1), ...findings.slice(0, Math.max(0, at))];
  return turned.find((one) => isOpen(one) && !without.has(one.id))?.id ?? id;
}

/** The finding after or before, in the order of the panel, wrapping around. */
export function neighbour(findings: readonly Pick<Finding, 'id'>[], id: string | null, by: 1 | -1): string | null {
  if (findings.length === 0) return null;
  const at = findings.findIndex((one) => one.id === id);
  const to = at < 0 ? (by > 0 ? 0 : findings.length - 1) : (at + by + findings.length) % findings.length;
  return findings[to]?.id ?? null;
}

const sameCode = (a: Code | null, b: Code | null): boolean => a?.value === b?.value && a?.scheme === b?.scheme;

/** The same quantity by the same method: SUVbw is stated as maximum and as mean. */
export const sameMeasure = (a: Pick<Measurement, 'code' | 'method'>, b: Pick<Measurement, 'code' | 'method'>): boolean =>
  sameCode(a.code, b.code) && sameCode(a.method, b.method);

/** What the tool had measured, where a person has changed it. */
export function toolsOwn(finding: Pick<Finding, 'original'>, measurement: Measurement): Measurement | null {
  const own = finding.original?.measurements?.find((one) => sameMeasure(one, measurement));
  return own && own.value !== measurement.value ? own : null;
}

export const isCode = sameCode;

/** Sides of the body, SNOMED CT 24028007, 7771000, 51440002. */
export const sides: readonly Code[] = [
  { value: '24028007', scheme: 'SCT', meaning: 'Right' },
  { value: '7771000', scheme: 'SCT', meaning: 'Left' },
  { value: '51440002', scheme: 'SCT', meaning: 'Bilateral' },
];

/** A number as it is shown: no more digits than its uncertainty carries, one decimal or two digits without one. */
export function shownNumber(value: number, uncertainty: number | null, locale: string): string {
  const digits = digitsOf(value, uncertainty);
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false }).format(value);
}

/** Decimals: the uncertainty keeps one significant digit, two where it begins with 1 or 2. */
export function digitsOf(value: number, uncertainty: number | null): number {
  const by = uncertainty !== null && uncertainty > 0 ? uncertainty : Math.abs(value) / 10;
  if (!(by > 0)) return 1;
  const power = Math.floor(Math.log10(by) + 1e-9);
  const leading = by / 10 ** power;
  const kept = uncertainty !== null && leading < 3 ? 2 : 1;
  return Math.max(0, Math.min(3, kept - 1 - power));
}
