import { items, number, numbers, text, texts, words16, type DataSet } from './dicomJson';
import { chooseScale, type PetScale, type ShownScale } from './suv';
import { cross, dot, vec3, type Vec3 } from './vec';
import type { HeaderWindow } from './windows';

/** Where the spacing of a picture comes from; null: it is not known, nothing is measured. */
export type SpacingSource = 'patient' | 'calibrated' | 'detector' | 'regions' | null;

/** One frame as the viewer needs it, whether its object is single frame, multi-frame or enhanced. */
export interface Frame {
  readonly imageId: string;
  readonly sop: string;
  readonly frame: number;
  readonly frames: number;
  readonly number: number | null;
  readonly modality: string;
  readonly set: DataSet;
  readonly rows: number;
  readonly columns: number;
  /** between rows, between columns, in millimetres */
  readonly spacing: readonly [number, number] | null;
  readonly spacingSource: SpacingSource;
  readonly rowCosine: Vec3 | null;
  readonly columnCosine: Vec3 | null;
  readonly position: Vec3 | null;
  readonly thickness: number | null;
  readonly slope: number;
  readonly intercept: number;
  readonly hasRescale: boolean;
  readonly windows: readonly HeaderWindow[];
  readonly voiFunction: string | null;
  readonly voiLut: { firstValueMapped: number; lut: Uint16Array } | null;
  readonly photometric: string;
  readonly frameOfReference: string | null;
  readonly frameTime: number | null;
  readonly transferSyntax: string | null;
}

const shared = (set: DataSet): DataSet => items(set, '52009229')[0] ?? {};
const per = (set: DataSet, at: number): DataSet => items(set, '52009230')[at] ?? {};

/** The item of a functional group macro: the frame's own, else the shared one. */
function group(set: DataSet, at: number, tag: string): DataSet | undefined {
  return items(per(set, at), tag)[0] ?? items(shared(set), tag)[0];
}

function spacingOf(set: DataSet, at: number): { spacing: readonly [number, number] | null; source: SpacingSource } {
  const pair = (values: number[]): readonly [number, number] | null => {
    const [row, column] = values;
    return row !== undefined && column !== undefined && row > 0 && column > 0 ? [row, column] : null;
  };
  const own = pair(numbers(group(set, at, '00289110') ?? set, '00280030'));
  if (own) {
    const calibration = text(set, '00280A02');
    return { spacing: own, source: calibration ? 'calibrated' : 'patient' };
  }
  const detector = pair(numbers(set, '00181164'));
  if (detector) return { spacing: detector, source: 'detector' };
  const region = items(set, '00186011')[0];
  const [dx, dy] = [number(region, '0018602C'), number(region, '0018602E')];
  // Physical Delta X, Y in centimetres (units 3), PS3.3 C.8.5.5.
  if (region && number(region, '00186024') === 3 && dx !== null && dy !== null) {
    return { spacing: [Math.abs(dy) * 10, Math.abs(dx) * 10], source: 'regions' };
  }
  return { spacing: null, source: null };
}

function windowsOf(set: DataSet | undefined): HeaderWindow[] {
  const centres = numbers(set, '00281050');
  const widths = numbers(set, '00281051');
  const names = texts(set, '00281055');
  return centres.flatMap((centre, at) => {
    const width = widths[at];
    return width !== undefined && width > 0 ? [{ centre, width, words: names[at] ?? null }] : [];
  });
}

function voiLutOf(set: DataSet): Frame['voiLut'] {
  const item = items(set, '00283010')[0];
  const [, first] = numbers(item, '00283002');
  const lut = words16(item, '00283006');
  return item && lut && first !== undefined ? { firstValueMapped: first, lut } : null;
}

export const imageIdOf = (study: string, series: string, sop: string, frame: number): string =>
  `wadors:/dicom-web/studies/${study}/series/${series}/instances/${sop}/frames/${frame}`;

function frameOf(study: string, series: string, set: DataSet, at: number, count: number): Frame | null {
  const sop = text(set, '00080018');
  const rows = number(set, '00280010');
  const columns = number(set, '00280011');
  if (sop === null || rows === null || columns === null) return null;
  const cosines = numbers(group(set, at, '00209116') ?? set, '00200037');
  const value = group(set, at, '00289145') ?? set;
  const slope = number(value, '00281053');
  const intercept = number(value, '00281052');
  const { spacing, source } = spacingOf(set, at);
  const measures = group(set, at, '00289110');
  const voi = group(set, at, '00289132') ?? set;
  return {
    imageId: imageIdOf(study, series, sop, at + 1),
    sop,
    frame: at + 1,
    frames: count,
    number: number(set, '00200013'),
    modality: text(set, '00080060') ?? '',
    set,
    rows,
    columns,
    spacing,
    spacingSource: source,
    rowCosine: vec3(cosines.slice(0, 3)),
    columnCosine: vec3(cosines.slice(3, 6)),
    position: vec3(numbers(group(set, at, '00209113') ?? set, '00200032')),
    thickness: number(measures ?? set, '00180050'),
    slope: slope ?? 1,
    intercept: intercept ?? 0,
    hasRescale: slope !== null && intercept !== null,
    windows: windowsOf(voi),
    voiFunction: text(voi, '00281056'),
    voiLut: voiLutOf(voi),
    photometric: text(set, '00280004') ?? 'MONOCHROME2',
    frameOfReference: text(set, '00200052'),
    frameTime: number(set, '00181063') ?? (number(set, '00180040') ? 1000 / (number(set, '00180040') ?? 1) : null),
    transferSyntax: text(set, '00083002'),
  };
}

/** All frames of a series in the order they are looked at: along the normal where there are positions, else by number. */
export function framesOf(study: string, series: string, sets: readonly DataSet[]): Frame[] {
  const frames = sets.flatMap((set) => {
    const count = Math.max(1, number(set, '00280008') ?? 1);
    return Array.from({ length: count }, (_, at) => frameOf(study, series, set, at, count)).filter((one): one is Frame => one !== null);
  });
  return sortFrames(frames);
}

export function normalOf(frame: Frame): Vec3 | null {
  return frame.rowCosine && frame.columnCosine ? cross(frame.rowCosine, frame.columnCosine) : null;
}

function sortFrames(frames: Frame[]): Frame[] {
  const byNumber = (a: Frame, b: Frame) => (a.number ?? 0) - (b.number ?? 0) || a.frame - b.frame;
  const sorted = [...frames].sort(byNumber);
  const first = sorted[0];
  const normal = first ? normalOf(first) : null;
  const aligned =
    normal !== null &&
    sorted.length > 1 &&
    sorted.every((one) => {
      const own = normalOf(one);
      return one.position !== null && own !== null && Math.abs(dot(own, normal)) > 0.999;
    });
  if (!aligned || !normal) return sorted;
  const along = (one: Frame) => (one.position ? dot(one.position, normal) : 0);
  const distinct = new Set(sorted.map((one) => along(one).toFixed(2))).size;
  // Several images at one place (dynamic, cardiac): the order of acquisition says more than the place.
  if (distinct < sorted.length) return sorted;
  const ascending = [...sorted].sort((a, b) => along(a) - along(b));
  const last = ascending.at(-1);
  const head = ascending[0];
  const risesWithNumber = head && last && (head.number ?? 0) <= (last.number ?? 0);
  return risesWithNumber ? ascending : ascending.reverse();
}

/** A series with its headers read. */
export interface LoadedSeries {
  readonly series: string;
  readonly modality: string;
  readonly frames: readonly Frame[];
  readonly scale: ShownScale | null;
  readonly synthetic: boolean;
}

/** (0008,0008) or descriptions that mark a picture as made, not taken. */
function isSynthetic(set: DataSet | undefined): boolean {
  const words = [...texts(set, '00080008'), text(set, '00081030') ?? '', text(set, '0008103E') ?? '', text(set, '00104000') ?? ''].join(' ');
  const patient = (set?.['00100010']?.Value ?? []).map((value) => JSON.stringify(value)).join(' ');
  return /synthetic|phantom/i.test(`${words} ${patient} ${text(set, '00100020') ?? ''}`);
}

export function loadedSeries(study: string, series: string, sets: readonly DataSet[], pet: PetScale | null): LoadedSeries {
  const frames = framesOf(study, series, sets);
  const modality = frames[0]?.modality ?? text(sets[0], '00080060') ?? '';
  return {
    series,
    modality,
    frames,
    scale: modality === 'PT' ? chooseScale(pet, text(sets[0], '00541001')) : null,
    synthetic: isSynthetic(sets[0]),
  };
}
