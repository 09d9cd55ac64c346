/** The part of a series that decides how it is hung. */
export interface HungSeries {
  readonly series_uid: string;
  readonly modality: string;
  readonly number: number | null;
  readonly description: string;
  readonly images: number;
  readonly frame_of_reference_uid: string | null;
  readonly instances: readonly { readonly frames: number }[];
}
export interface Geometry {
  readonly series_uid: string;
  readonly state: 'regular' | 'irregular' | 'single';
  readonly measurable: boolean;
}

export type PortAxis = 'axial' | 'coronal' | 'sagittal' | 'acquisition';
export type PortSpec =
  | { readonly id: string; readonly kind: 'plane'; readonly series: string; readonly over: string | null; readonly axis: PortAxis; readonly area: string }
  | { readonly id: string; readonly kind: 'mip'; readonly series: string; readonly area: string }
  | { readonly id: string; readonly kind: 'stack'; readonly series: string; readonly area: string };

export type LayoutId = 'petct5' | 'petct3' | 'mpr3' | 'one' | 'two';
export interface Hanging {
  readonly layout: LayoutId;
  readonly ports: readonly PortSpec[];
}
export interface Means {
  /** False without WebGL: then only stacks can be shown. */
  readonly volumes: boolean;
}

const notImages = new Set(['SR', 'SEG', 'RTSTRUCT', 'RTPLAN', 'PR', 'KO', 'DOC', 'REG', 'FID', 'PLAN', 'AU', 'HD', 'ECG']);
export const isPicture = (series: { modality: string; images: number }): boolean =>
  series.images > 0 && !notImages.has(series.modality);

export function regular(series: HungSeries, geometry: readonly Geometry[]): boolean {
  return geometry.some((one) => one.series_uid === series.series_uid && one.state === 'regular') && series.images > 3;
}

const largest = (list: readonly HungSeries[]): HungSeries | null =>
  list.reduce<HungSeries | null>((best, one) => (!best || one.images > best.images ? one : best), null);

/** The PET and the CT of one frame of reference that are fused: the pair with the most images. */
export function pairOf(
  series: readonly HungSeries[],
  geometry: readonly Geometry[],
): { pet: HungSeries; ct: HungSeries } | null {
  const volumes = series.filter((one) => isPicture(one) && regular(one, geometry));
  const pairs = volumes
    .filter((one) => one.modality === 'PT' && one.frame_of_reference_uid)
    .map((pet) => ({
      pet,
      ct: largest(volumes.filter((one) => one.modality === 'CT' && one.frame_of_reference_uid === pet.frame_of_reference_uid)),
    }))
    .filter((pair): pair is { pet: HungSeries; ct: HungSeries } => pair.ct !== null);
  return pairs.reduce<{ pet: HungSeries; ct: HungSeries } | null>(
    (best, one) => (!best || one.pet.images + one.ct.images > best.pet.images + best.ct.images ? one : best),
    null,
  );
}

const stack = (series: string, area: string): PortSpec => ({ id: `stack-${area}`, kind: 'stack', series, area });

/** The layouts that a study can be shown in, the best first. */
export function layoutsFor(series: readonly HungSeries[], geometry: readonly Geometry[], means: Means): readonly LayoutId[] {
  const pictures = series.filter(isPicture);
  const layouts: LayoutId[] = [];
  if (means.volumes && pairOf(series, geometry)) layouts.push('petct5', 'petct3');
  if (means.volumes && pictures.some((one) => regular(one, geometry))) layouts.push('mpr3');
  // Without fusion a PET/CT is read side by side.
  const sideBySide = !means.volumes && pairOf(series, geometry) !== null;
  if (sideBySide) layouts.push('two');
  if (pictures.length > 0) layouts.push('one');
  if (pictures.length > 1 && !sideBySide) layouts.push('two');
  if (layouts[0] === 'mpr3') {
    // A single CT or MR opens as its own images; reformats are one key away.
    layouts.splice(0, 1);
    layouts.splice(1, 0, 'mpr3');
  }
  return layouts;
}

/** Hangs a study. `chosen` is the series that the reader picked, where one was. */
export function hang(
  series: readonly HungSeries[],
  geometry: readonly Geometry[],
  means: Means,
  wanted: LayoutId | null = null,
  chosen: string | null = null,
): Hanging | null {
  const layouts = layoutsFor(series, geometry, means);
  const layout = wanted && layouts.includes(wanted) ? wanted : layouts[0];
  if (!layout) return null;
  const pictures = series.filter(isPicture);
  const pair = pairOf(series, geometry);
  const picked = pictures.find((one) => one.series_uid === chosen) ?? null;
  if ((layout === 'petct5' || layout === 'petct3') && pair) {
    const ct = picked && picked.modality === 'CT' && regular(picked, geometry) ? picked.series_uid : pair.ct.series_uid;
    const pet = picked && picked.modality === 'PT' && regular(picked, geometry) ? picked.series_uid : pair.pet.series_uid;
    const plane = (id: string, main: string, over: string | null, axis: PortAxis, area: string): PortSpec => ({ id, kind: 'plane', series: main, over, axis, area });
    const all: PortSpec[] = [
      plane('ct', ct, null, 'axial', 'a'),
      plane('fused', ct, pet, 'axial', 'b'),
      plane('pet', pet, null, 'axial', 'c'),
      plane('coronal', ct, pet, 'coronal', 'd'),
      { id: 'mip', kind: 'mip', series: pet, area: 'e' },
    ];
    return { layout, ports: layout === 'petct5' ? all : all.slice(0, 3) };
  }
  const first = picked ?? largest(pictures.filter((one) => one.modality !== 'SC' && one.modality !== 'OT')) ?? largest(pictures);
  if (!first) return null;
  if (layout === 'mpr3') {
    const source = regular(first, geometry) ? first : largest(pictures.filter((one) => regular(one, geometry)));
    if (source) {
      const cut = (axis: PortAxis, area: string): PortSpec => ({ id: axis, kind: 'plane', series: source.series_uid, over: null, axis, area });
      return { layout, ports: [cut('axial', 'a'), cut('coronal', 'b'), cut('sagittal', 'c')] };
    }
  }
  if (layout === 'two') {
    const lead = pair && !picked ? pair.ct : first;
    const partner = pair && lead.series_uid === pair.pet.series_uid ? pair.ct : pair?.pet;
    const second = partner ?? pictures.find((one) => one.series_uid !== lead.series_uid) ?? lead;
    return { layout, ports: [stack(lead.series_uid, 'a'), stack(second.series_uid, 'b')] };
  }
  return { layout: 'one', ports: [stack(first.series_uid, 'a')] };
}
