import { describe, expect, it } from 'vitest';
import { bytes, percent, seconds, waitShape, waitShort, waitWords } from '../src/logic/format';
import { ageYears, modalityLabel, personName } from '../src/logic/names';

describe('a wait', () => {
  it('is said in its two largest units', () => {
    expect([0, 14.9, 59, 60, 65, 185, 1440, 6600, 4080].map(waitWords)).toEqual(['0 min', '14 min', '59 min', '1 h', '1 h 05', '3 h 05', '1 d', '4 d 14 h', '2 d 20 h']);
  });
  it('is never negative, also when the clocks of page and node differ', () => { expect(waitWords(-3)).toBe('0 min'); });
  it('has short targets and caps', () => { expect([20, 60, 240, 4320, 90].map(waitShort)).toEqual(['20 m', '1 h', '4 h', '3 d', '1.5 h']); });
  it('takes near its cap from the node and over from the times', () => {
    const at = Date.parse('2026-11-23T10:00:00.000Z');
    const wait = { since: '2026-11-23T09:00:00.000Z', target_at: '2026-11-23T09:30:00.000Z', cap_at: '2026-11-23T11:00:00.000Z', share: 2, near_cap: true };
    expect(waitShape(wait, at)).toEqual({ elapsed: 60, target: 30, cap: 120, nearCap: true, over: true, pastCap: false });
  });
});

describe('figures', () => {
  it('have few digits', () => {
    expect([percent(0.7068), bytes(1_560_000_000_000), bytes(524_288), bytes(12), seconds(8.21), seconds(600)]).toEqual(['71 %', '1.56 TB', '524 kB', '12 B', '8.2 s', '10 min']);
  });
});

describe('names', () => {
  it('are read out of DICOM person names', () => {
    expect([personName('Muster^Anna^Maria'), personName('PHANTOM-0042'), personName('^^'), personName('=山田^太郎')]).toEqual(['Muster, Anna Maria', 'PHANTOM-0042', '', '山田, 太郎']);
  });
  it('give an age in whole years or none', () => {
    const now = Date.UTC(2026, 10, 23, 12);
    expect([ageYears('1963-11-23', now), ageYears('19631124', now), ageYears(null, now), ageYears('1963', now)]).toEqual([63, 62, null, null]);
  });
  it('join modalities as people say them, without result objects', () => {
    expect([modalityLabel(['CT', 'PT']), modalityLabel(['PT', 'CT', 'SR', 'SEG']), modalityLabel(['CR']), modalityLabel(['SR']), modalityLabel([])]).toEqual(['PET/CT', 'PET/CT', 'DX', 'SR', '–']);
  });
});
