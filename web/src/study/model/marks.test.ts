import { describe, expect, it } from 'vitest';
import { boxOf, cut, patternOf, sliceGap, svgPath, type Outline } from './marks';
import type { Vec3 } from './vec';

const square = (z: number, half: number): Vec3[] => [
  [-half, -half, z],
  [half, -half, z],
  [half, half, z],
  [-half, half, z],
];
const outline = (slices: Vec3[][][]): Outline => ({
  frame_of_reference_uid: '1.2',
  series_uid: '1.3',
  slices: slices.map((polygons, at) => ({ sop_instance_uid: `1.4.${at}`, frame: 1, polygons })),
  centre_mm: [0, 0, 0],
  radius_mm: 10,
});
const box = outline([[square(-3, 8)], [square(0, 10)], [square(3, 8)]]);

describe('marks', () => {
  it('draw the state as a pattern, and rejected ones not at all', () => {
    expect(patternOf('proposed')).toBe('proposed');
    for (const state of ['confirmed', 'edited', 'added'] as const) expect(patternOf(state)).toBe('person');
    expect(patternOf('deferred')).toBe('deferred');
    expect(patternOf('rejected')).toBeNull();
    expect(patternOf('withdrawn')).toBeNull();
  });
  it('take the distance of slices from the outline itself', () => {
    expect(sliceGap(box)).toBeCloseTo(3);
    expect(sliceGap(outline([[square(0, 4)]]))).toBe(3);
  });
  it('cut along the slices by taking the nearest slice', () => {
    const rings = cut(box, { point: [50, 50, 0.9], normal: [0, 0, -1] });
    expect(rings).toEqual([square(0, 10)]);
  });
  it('draw nothing where the plane misses the region', () => {
    expect(cut(box, { point: [0, 0, 20], normal: [0, 0, 1] })).toEqual([]);
    expect(cut(box, { point: [0, 40, 0], normal: [0, 1, 0] })).toEqual([]);
  });
  it('put a cut across the slices together, half a slice beyond the last ones', () => {
    const [ring, ...rest] = cut(box, { point: [0, 0, 0], normal: [0, 1, 0] });
    expect(rest).toEqual([]);
    const zs = (ring ?? []).map((point) => point[2]);
    const xs = (ring ?? []).map((point) => point[0]);
    expect([Math.min(...zs), Math.max(...zs)]).toEqual([-4.5, 4.5]);
    expect([Math.min(...xs), Math.max(...xs)]).toEqual([-10, 10]);
    expect((ring ?? []).every((point) => Math.abs(point[1]) < 1e-9)).toBe(true);
  });
  it('keep two islands of one slice apart', () => {
    const shifted = (by: number) => square(0, 2).map((point): Vec3 => [point[0] + by, point[1], point[2]]);
    const two = outline([[shifted(-10), shifted(10)], [shifted(-10), shifted(10)].map((ring) => ring.map((point): Vec3 => [point[0], point[1], 3]))]);
    expect(cut(two, { point: [0, 0, 0], normal: [0, 1, 0] })).toHaveLength(2);
  });
  it('become closed paths with one decimal', () => {
    expect(svgPath([[[0, 0], [10.26, 0], [10, 9.94]], [[1, 1], [2, 2]]])).toBe('M0.0 0.0L10.3 0.0L10.0 9.9Z');
    expect(boxOf([[[0, 5], [3, 1]]])).toEqual({ left: 0, right: 3, top: 1, bottom: 5 });
    expect(boxOf([])).toBeNull();
  });
});
