import type { Vec3 } from './vec';

const axes: readonly (readonly [positive: string, negative: string])[] = [
  ['L', 'R'],
  ['P', 'A'],
  ['H', 'F'],
];

/**
 * The letters of a direction in patient coordinates (DICOM PS3.3 C.7.6.1.1.1): the largest share first, others only
 * where they are at least sin 15°. A direction without length has no letter.
 */
export function letters(direction: Vec3): string {
  const size = Math.hypot(...direction);
  if (!(size > 1e-6)) return '';
  return direction
    .map((value, axis) => ({ share: Math.abs(value) / size, letter: axes[axis]?.[value >= 0 ? 0 : 1] ?? '' }))
    .filter((part) => part.share >= 0.2588)
    .sort((a, b) => b.share - a.share)
    .map((part) => part.letter)
    .join('');
}

export type Axis = 'axial' | 'coronal' | 'sagittal' | 'oblique';

/** The name of a cut by its normal; oblique from 15° on. */
export function axisOf(normal: Vec3): Axis {
  const size = Math.hypot(...normal);
  const limit = Math.cos((15 * Math.PI) / 180);
  const names: readonly Axis[] = ['sagittal', 'coronal', 'axial'];
  const at = normal.findIndex((value) => Math.abs(value) / size >= limit);
  return names[at] ?? 'oblique';
}
