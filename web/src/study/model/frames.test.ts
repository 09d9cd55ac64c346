import { describe, expect, it } from 'vitest';
import type { DataSet } from './dicomJson';
import { framesOf, loadedSeries } from './frames';
import { presetOf, presetsFor } from './windows';

const slice = (number: number, z: number, more: DataSet = {}): DataSet => ({
  '00080018': { Value: [`1.2.${number}`] },
  '00080060': { Value: ['CT'] },
  '00280010': { Value: [4] },
  '00280011': { Value: [4] },
  '00280030': { Value: [0.5, 0.7] },
  '00200013': { Value: [number] },
  '00200037': { Value: [1, 0, 0, 0, 1, 0] },
  '00200032': { Value: [0, 0, z] },
  ...more,
});

describe('frames of a series', () => {
  it('lie in the order of their places, running with the numbers', () => {
    const frames = framesOf('1', '2', [slice(3, 20), slice(1, 40), slice(2, 30)]);
    expect(frames.map((frame) => frame.position?.[2])).toEqual([40, 30, 20]);
    expect(frames[0]?.imageId).toBe('wadors:/dicom-web/studies/1/series/2/instances/1.2.1/frames/1');
  });
  it('keep the order of acquisition where several lie at one place', () => {
    const frames = framesOf('1', '2', [slice(1, 10), slice(2, 10), slice(3, 0)]);
    expect(frames.map((frame) => frame.number)).toEqual([1, 2, 3]);
  });
  it('read enhanced objects frame by frame', () => {
    const plane = (z: number): DataSet => ({ '00209113': { Value: [{ '00200032': { Value: [0, 0, z] } }] } });
    const enhanced: DataSet = {
      '00080018': { Value: ['1.5'] },
      '00080060': { Value: ['MR'] },
      '00280010': { Value: [2] },
      '00280011': { Value: [2] },
      '00280008': { Value: [2] },
      '52009229': { Value: [{ '00209116': { Value: [{ '00200037': { Value: [1, 0, 0, 0, 1, 0] } }] }, '00289110': { Value: [{ '00280030': { Value: [1, 1] }, '00180050': { Value: [2] } }] } }] },
      '52009230': { Value: [plane(0), plane(2)] },
    };
    const frames = framesOf('1', '2', [enhanced]);
    expect(frames.map((frame) => [frame.frame, frame.position?.[2], frame.spacing, frame.thickness])).toEqual([
      [1, 0, [1, 1], 2],
      [2, 2, [1, 1], 2],
    ]);
  });
  it('know no spacing where the header states none, and say where a spacing comes from', () => {
    const bare = framesOf('1', '2', [slice(1, 0, { '00280030': undefined })])[0];
    expect([bare?.spacing, bare?.spacingSource]).toEqual([null, null]);
    const film = framesOf('1', '2', [slice(1, 0, { '00280030': undefined, '00181164': { Value: [0.14, 0.14] } })])[0];
    expect([film?.spacing, film?.spacingSource]).toEqual([[0.14, 0.14], 'detector']);
  });
  it('mark pictures that were made, not taken', () => {
    expect(loadedSeries('1', '2', [slice(1, 0, { '00080008': { Value: ['DERIVED', 'SECONDARY', 'SYNTHETIC'] } })], null).synthetic).toBe(true);
    expect(loadedSeries('1', '2', [slice(1, 0)], null).synthetic).toBe(false);
  });
});

describe('windows', () => {
  it('are named where they are a preset', () => {
    const ct = presetsFor('CT', null, []);
    expect(presetOf(ct, { low: -1200, high: 200 })?.name).toBe('lung');
    expect(presetOf(ct, { low: -1000, high: 200 })).toBeNull();
  });
  it('are SUV ranges for PET with SUV, the header windows otherwise', () => {
    const suv = { kind: 'suv', factor: 1, factors: null, label: 'SUVbw', unit: 'g/ml' } as const;
    expect(presetsFor('PT', suv, []).map((one) => one.high)).toEqual([5, 8, 12, 20]);
    expect(presetsFor('MR', null, [{ centre: 50, width: 100, words: null }])[0]).toMatchObject({ low: 0, high: 100 });
  });
});
