import { afterEach, describe, expect, it } from 'vitest';
import { bytes, clock, count, dateTime, dayMonth, decimal, percent, seconds, titleInSentence, waitShape, waitShort, waitWords } from '../src/logic/format';
import { latinKey } from '../src/logic/keys';
import { ageYears, modalityLabel, personName, sexAndAge } from '../src/logic/names';
import { preferred, regional } from '../src/app/language';
import { coded, languageNames, speak, t } from '../src/messages';
import { stretch, stretched } from '../src/messages/pseudo';
import { en } from '../src/messages/en';

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

describe('another language', () => {
  afterEach(async () => { await speak('en', 'en-GB'); });
  const at = '2026-03-04T15:07:09';

  it('writes numbers, shares, sizes, dates and waits as its people do; units stay', async () => {
    await speak('de', 'de');
    expect([decimal(12.345, 1), decimal(-0.5, 1), count(12345), percent(0.7068), bytes(1_560_000_000_000), seconds(8.21)]).toEqual(['12,3', '−0,5', '12.345', '71\u00a0%', '1,56 TB', '8,2 s']);
    expect([waitWords(185), waitShort(90)]).toEqual(['3 h 05', '1,5 h']);
    await speak('el', 'el');
    expect([decimal(12.345, 1), waitWords(185), dayMonth(at)]).toEqual(['12,3', '3 ώ. 05', '4 Μαρ']);
    await speak('pl', 'pl');
    expect([decimal(12.345, 1), percent(0.7068), dateTime(at)]).toEqual(['12,3', '71%', '4 mar 2026, 15:07:09']);
  });
  it('counts the hours to 24 everywhere', async () => {
    for (const name of languageNames) {
      await speak(name, regional(name, []));
      expect(clock(at), name).toBe('15:07');
    }
  });
  it('takes plural forms by the rules of CLDR', async () => {
    await speak('pl', 'pl');
    expect([1, 2, 5, 12, 22, 25].map((n) => t('study.series.images', { n }))).toEqual(['1 obraz', '2 obrazy', '5 obrazów', '12 obrazów', '22 obrazy', '25 obrazów']);
    await speak('fr', 'fr');
    expect([0, 1, 2].map((n) => t('study.series.images', { n }))).toEqual(['0 image', '1 image', '2 images']);
  });
  it('names what the node names by a code, and nothing else', async () => {
    expect(coded('concept.SCT.39607008')).toBeNull();
    await speak('de', 'de');
    expect([coded('concept.SCT.39607008'), coded('reason.reject.known'), coded('reason.reject.nobody_knows')]).toEqual(['Lunge', 'Bekannt, unverändert', null]);
  });
  it('keeps the capitals of German nouns inside a sentence', async () => {
    expect(titleInSentence('Nodule, Lung')).toBe('nodule, lung');
    await speak('de', 'de');
    expect(titleInSentence('Rundherd')).toBe('Rundherd');
    await speak('it', 'it');
    expect([titleInSentence('Nodulo'), titleInSentence('SUVbw')]).toEqual(['nodulo', 'SUVbw']);
  });
  it('abbreviates the sex of a patient as it is read there', async () => {
    const patient = { name: 'A', id: '1', birth_date: '1960-01-01', sex: 'F' };
    await speak('de', 'de');
    expect(sexAndAge(patient, Date.UTC(2026, 5, 1))).toBe('W 66');
    expect(sexAndAge({ ...patient, sex: 'X' }, Date.UTC(2026, 5, 1))).toBe('X 66');
  });
  it('is the first one that the browser asks for and the page has, with the region of the browser', () => {
    expect([preferred(['nl-NL', 'de-AT', 'en']), preferred(['sv']), preferred(['EL-gr']), preferred([])]).toEqual(['de', 'en', 'el', 'en']);
    expect([regional('de', ['en-US', 'de-CH']), regional('en', ['en-US']), regional('fr', ['de'])]).toEqual(['de-CH', 'en-GB', 'fr']);
  });
  it('stays with the present words where it cannot be loaded', async () => {
    expect(await speak('nothing' as 'de', 'de')).toBe(false);
    expect(t('action.close')).toBe('Close');
  });
});

describe('the pseudo-language', () => {
  it('is longer by two fifths, accented, bracketed, and keeps the values', () => {
    const said = stretch('Findings could not be loaded by {who}');
    expect(said).toMatch(/^\[Ƒîñðîñĝš çöûļð ñöţ ƀé ļöåðéð ƀý \{who\}.*\]$/u);
    expect(said.length).toBeGreaterThanOrEqual(1.3 * 'Findings could not be loaded by {who}'.length);
    expect(stretch('{a} {b}')).toBe('{a} {b}');
    expect(Object.keys(stretched(en))).toEqual(Object.keys(en));
  });
});

describe('a key', () => {
  it('is the Latin letter of its place on a keyboard of another script', () => {
    expect([latinKey('ν', 'KeyN'), latinKey('Ν', 'KeyN'), latinKey('н', 'KeyY'), latinKey('n', 'KeyN'), latinKey('ö', 'Semicolon'), latinKey('?', 'Slash'), latinKey('Enter', 'Enter')]).toEqual(['n', 'n', 'y', 'n', 'ö', '?', 'Enter']);
  });
});
