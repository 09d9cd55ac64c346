import { describe, expect, it } from 'vitest';
import { axisOf, letters } from './orient';

describe('orientation letters', () => {
  it('names the six directions of patient coordinates', () => {
    expect([letters([1, 0, 0]), letters([-1, 0, 0]), letters([0, 1, 0]), letters([0, -1, 0]), letters([0, 0, 1]), letters([0, 0, -1])]).toEqual(['L', 'R', 'P', 'A', 'H', 'F']);
  });
  it('puts the larger share first and leaves small ones out', () => {
    expect(letters([0.8, 0.6, 0])).toBe('LP');
    expect(letters([0.1, -0.3, 0.95])).toBe('HA');
    expect(letters([0.05, 0.05, -0.99])).toBe('F');
  });
  it('has no letter for no direction', () => {
    expect(letters([0, 0, 0])).toBe('');
  });
  it('calls a cut oblique from fifteen degrees on', () => {
    expect(axisOf([0, 0.2, -0.98])).toBe('axial');
    expect(axisOf([0, 0.5, -0.87])).toBe('oblique');
    expect(axisOf([0, 1, 0])).toBe('coronal');
    expect(axisOf([1, 0, 0])).toBe('sagittal');
  });
});
