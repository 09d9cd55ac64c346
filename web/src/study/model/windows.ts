import type { ShownScale } from './suv';

/** A grey scale from `low` to `high`, in the unit of the picture. */
export interface Range {
  readonly low: number;
  readonly high: number;
}
export interface Preset extends Range {
  readonly id: string;
  /** Key of the message catalogue, or words of the header. */
  readonly name: PresetName | null;
  readonly words: string | null;
}
export type PresetName = 'lung' | 'soft' | 'bone' | 'liver' | 'brain';

export const fromCentre = (centre: number, width: number): Range => ({ low: centre - width / 2, high: centre + width / 2 });
export const toCentre = (range: Range): { centre: number; width: number } => ({
  centre: (range.low + range.high) / 2,
  width: range.high - range.low,
});

const preset = (name: PresetName, centre: number, width: number): Preset => ({
  id: name,
  name,
  words: null,
  ...fromCentre(centre, width),
});

const ct: readonly Preset[] = [
  preset('lung', -500, 1400),
  preset('soft', 40, 400),
  preset('bone', 400, 1800),
  preset('liver', 75, 180),
  preset('brain', 40, 80),
];

const suvTops = [5, 8, 12, 20];

/** A window of the header, PS3.3 C.11.2.1.2. */
export interface HeaderWindow {
  readonly centre: number;
  readonly width: number;
  readonly words: string | null;
}

/** The presets of a series, in the order of the keys 1 to 4. */
export function presetsFor(modality: string, scale: ShownScale | null, header: readonly HeaderWindow[]): readonly Preset[] {
  if (modality === 'CT') return ct;
  if (modality === 'PT' && scale?.kind === 'suv') {
    return suvTops.map((high) => ({ id: `suv${high}`, name: null, words: `${scale.label} 0 – ${high}`, low: 0, high }));
  }
  return header
    .filter((one) => one.width > 0)
    .map((one, at) => ({
      id: `header${at}`,
      name: null,
      words: one.words ?? `W ${Math.round(one.width)} L ${Math.round(one.centre)}`,
      ...fromCentre(one.centre, one.width),
    }));
}

export function presetOf(presets: readonly Preset[], range: Range | null): Preset | null {
  if (!range) return null;
  // The linear function of PS3.3 C.11.2.1.2.1 loses one step of the width.
  const near = (a: number, b: number) => Math.abs(a - b) <= (range.high - range.low > 50 ? 1.1 : 0.02);
  return presets.find((one) => near(one.low, range.low) && near(one.high, range.high)) ?? null;
}
