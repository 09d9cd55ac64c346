import { describe, expect, it } from 'vitest';
import { hang, layoutsFor, pairOf, type Geometry, type HungSeries } from './hanging';

const series = (uid: string, modality: string, images: number, frame = '1.9'): HungSeries => ({
  series_uid: uid,
  modality,
  number: 1,
  description: uid,
  images,
  frame_of_reference_uid: frame,
  instances: [],
});
const even = (...uids: string[]): Geometry[] => uids.map((series_uid) => ({ series_uid, state: 'regular', measurable: true }));
const gpu = { volumes: true };
const cpu = { volumes: false };

describe('hanging', () => {
  const ct = series('ct', 'CT', 300);
  const pet = series('pet', 'PT', 280);

  it('shows PET/CT in five ports: CT, fused, PET, coronal, projection', () => {
    const hanging = hang([ct, pet], even('ct', 'pet'), gpu);
    expect(hanging?.layout).toBe('petct5');
    expect(hanging?.ports.map((port) => [port.id, port.kind, port.series])).toEqual([
      ['ct', 'plane', 'ct'],
      ['fused', 'plane', 'ct'],
      ['pet', 'plane', 'pet'],
      ['coronal', 'plane', 'ct'],
      ['mip', 'mip', 'pet'],
    ]);
  });
  it('fuses only what lies in one frame of reference', () => {
    expect(pairOf([ct, series('far', 'PT', 400, '1.8')], even('ct', 'far'))).toBeNull();
    expect(pairOf([series('thin', 'CT', 30), ct, pet], even('thin', 'ct', 'pet'))?.ct.series_uid).toBe('ct');
  });
  it('builds no volume from a series whose geometry is not regular', () => {
    const geometry: Geometry[] = [...even('pet'), { series_uid: 'ct', state: 'irregular', measurable: false }];
    const hanging = hang([ct, pet], geometry, gpu);
    expect(hanging?.ports.every((port) => port.kind === 'stack')).toBe(true);
  });
  it('shows stacks only where there is no graphics processor', () => {
    expect(layoutsFor([ct, pet], even('ct', 'pet'), cpu)).toEqual(['two', 'one']);
    expect(hang([ct, pet], even('ct', 'pet'), cpu)?.ports.map((port) => [port.kind, port.series])).toEqual([
      ['stack', 'ct'],
      ['stack', 'pet'],
    ]);
  });
  it('opens a single CT as its own images, with three planes one key away', () => {
    expect(hang([ct], even('ct'), gpu)?.ports).toEqual([{ id: 'stack-a', kind: 'stack', series: 'ct', area: 'a' }]);
    expect(hang([ct], even('ct'), gpu, 'mpr3')?.ports.map((port) => (port.kind === 'plane' ? port.axis : ''))).toEqual(['axial', 'coronal', 'sagittal']);
  });
  it('shows a radiograph, and never an object that is no picture', () => {
    const film = series('dx', 'DX', 1);
    expect(hang([series('sr', 'SR', 0), film], [], gpu)?.ports[0]?.series).toBe('dx');
    expect(hang([series('sr', 'SR', 1), series('seg', 'SEG', 3)], [], gpu)).toBeNull();
  });
  it('shows the series that the reader picked', () => {
    const second = series('ct2', 'CT', 100);
    expect(hang([ct, second, pet], even('ct', 'ct2', 'pet'), gpu, null, 'ct2')?.ports[0]?.series).toBe('ct2');
    expect(hang([ct, second], even('ct'), gpu, 'one', 'ct2')?.ports[0]?.series).toBe('ct2');
  });
});
