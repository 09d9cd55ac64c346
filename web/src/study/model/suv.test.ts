import { describe, expect, it } from 'vitest';
import { chooseScale, scaleOf } from './suv';

describe('the scale of a PET series', () => {
  it('takes the factor of the server', () => {
    expect(chooseScale({ suv_factor: 0.0002, suv_type: 'BW', units: 'BQML', reason: null, factors: null }, 'BQML')).toEqual({ kind: 'suv', factor: 0.0002, factors: null, label: 'SUVbw', unit: 'g/ml' });
  });
  it('does not scale Units GML twice, whatever factor comes with them', () => {
    expect(chooseScale({ suv_factor: 0.0002, suv_type: 'BW', units: 'GML', reason: null, factors: null }, 'GML')).toMatchObject({ kind: 'suv', factor: 1 });
    expect(chooseScale(null, 'GML')).toMatchObject({ kind: 'suv', factor: 1, label: 'SUVbw' });
  });
  it('says the unit of the header and the reason where there is no factor', () => {
    const reason = { code: 'weight.zero', text: 'SUV not computed: patient weight is 0 kg in the header.' };
    expect(chooseScale({ suv_factor: null, suv_type: null, units: 'BQML', reason, factors: null }, 'BQML')).toEqual({ kind: 'header', label: 'Bq/ml', unit: 'Bq/ml', reason: reason.text });
  });
  it('never takes a factor that is no positive number', () => {
    for (const factor of [0, -1, Number.NaN, Infinity]) {
      expect(chooseScale({ suv_factor: factor, suv_type: 'BW', units: 'CNTS', reason: null, factors: null }, null).kind).toBe('header');
    }
  });
  it('names the quantity that the factor gives', () => {
    expect(chooseScale({ suv_factor: 1, suv_type: 'LBM', units: 'BQML', reason: null, factors: null }, null)).toMatchObject({ label: 'SUVlbm' });
    expect(chooseScale({ suv_factor: 1, suv_type: 'BSA', units: 'BQML', reason: null, factors: null }, null)).toMatchObject({ label: 'SUVbsa', unit: 'cm²/ml' });
  });
  it('keeps a factor for each image where they differ', () => {
    const pet = { suv_factor: null, suv_type: 'BW', units: 'BQML', factors: [0.1, 0.2], reason: null };
    const scale = chooseScale(scaleOf({ pet, instances: [{ sop_instance_uid: 'a' }, { sop_instance_uid: 'b' }] }), null);
    expect(scale.kind === 'suv' ? [scale.factors?.get('a'), scale.factors?.get('b')] : null).toEqual([0.1, 0.2]);
    expect(chooseScale(scaleOf({ pet, instances: [{ sop_instance_uid: 'a' }] }), null).kind).toBe('header');
  });
});
