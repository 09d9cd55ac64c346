import { describe, expect, it } from 'vitest';
import type { SignaturePreview } from '@/api/types';
import { digitsOf, neighbour, nextOpen, shownNumber } from './review';
import { destinations, objects, signState } from './sign';

const list = [
  { id: 'a', state: 'confirmed' as const },
  { id: 'b', state: 'proposed' as const },
  { id: 'c', state: 'rejected' as const },
  { id: 'd', state: 'proposed' as const },
];

describe('review', () => {
  it('selects the next open finding after a verdict and wraps around', () => {
    expect(nextOpen(list, 'b')).toBe('d');
    expect(nextOpen(list, 'd')).toBe('b');
    expect(nextOpen(list, 'b', new Set(['b', 'd']))).toBe('b');
  });
  it('steps through findings in their order', () => {
    expect(neighbour(list, 'a', 1)).toBe('b');
    expect(neighbour(list, 'a', -1)).toBe('d');
    expect(neighbour([], null, 1)).toBeNull();
  });
  it('shows no more digits than the uncertainty carries', () => {
    expect(shownNumber(6.3764, 0.7, 'en')).toBe('6.4');
    expect(shownNumber(24.2, 4, 'en')).toBe('24');
    expect(shownNumber(11.194, 1.343, 'en')).toBe('11.2');
    expect(shownNumber(4.39, 2.1, 'en')).toBe('4.4');
    expect(shownNumber(0.4321, 0.05, 'en')).toBe('0.43');
    expect(digitsOf(6.376, null)).toBe(1);
  });
});

const preview: SignaturePreview = {
  can_sign: true,
  why_not: null,
  version: 1,
  words: ['Verified by Reader 1.'],
  will_send: [
    { object: 'SR', description: 'report SR, 2 findings', destination: 'PACS', kind: 'dimse' },
    { object: 'SEG', description: 'SEG, 1 region', destination: 'PACS', kind: 'dimse' },
    { object: 'SR', description: 'report SR, 2 findings', destination: 'ARCHIVE', kind: 'stow' },
  ],
  unreviewed: [],
  rejected: 0,
  signed: null,
  etag: '"1"',
};

describe('signing', () => {
  it('says by destination what goes there', () => {
    expect(destinations(preview).map((one) => [one.name, one.objects.map((object) => object.object)])).toEqual([
      ['PACS', ['SR', 'SEG']],
      ['ARCHIVE', ['SR']],
    ]);
    expect(objects(preview).map((one) => one.description)).toEqual(['report SR, 2 findings', 'SEG, 1 region']);
  });
  it('is off while a verdict is not stored, for people who are no readers, and after a signature', () => {
    expect(signState(preview, 0, true).kind).toBe('open');
    expect(signState(preview, 1, true).kind).toBe('unsaved');
    expect(signState(preview, 0, false).kind).toBe('forbidden');
    expect(signState({ ...preview, can_sign: false, why_not: 'Nothing was reviewed.' }, 0, true)).toEqual({ kind: 'closed', why: 'Nothing was reviewed.' });
    expect(signState({ ...preview, signed: { by: 'reader2', at: '2026-11-23T10:44:00.000Z', version: 1 } }, 1, true).kind).toBe('signed');
  });
});
