import { decimal } from '@/logic/format';
import { t, type MessageName } from '@/messages';
import type { Series } from '@/api/types';
import type { PortView } from '../engine/desk';
import { fusionOf } from '../engine/show';
import type { LoadedSeries } from '../model/frames';
import { number, text } from '../model/dicomJson';
import { axisOf, letters } from '../model/orient';
import { scale } from '../model/vec';
import { presetOf, presetsFor, toCentre, type Preset } from '../model/windows';

const digits = (value: number, most = 1): string => decimal(value, 0, most);
const fixed = (value: number): string => decimal(value, 1);

export const presetWords = (preset: Preset): string => (preset.name ? t(`study.window.${preset.name}` as MessageName & `study.window.${typeof preset.name}`) : (preset.words ?? ''));

export function seriesTitle(series: Pick<Series, 'description' | 'number' | 'modality'> | null): string {
  if (!series) return '';
  return series.description.trim() || `${series.modality} ${t('study.series.untitled', { number: String(series.number ?? '') })}`;
}

export interface CornerWords {
  readonly topLeft: readonly [string, string];
  readonly topRight: readonly [string, string];
  readonly bottomLeft: readonly [string, string];
}

export function presetsOf(loaded: LoadedSeries): readonly Preset[] {
  return presetsFor(loaded.modality, loaded.scale, loaded.frames[0]?.windows ?? []);
}

/** What a port's window says: the name and the numbers, always with the quantity. */
function windowWords(view: PortView, main: LoadedSeries): readonly [string, string] {
  const { range } = view;
  // Colours are shown as they are stored.
  if (!range || (view.frame && !view.frame.photometric.startsWith('MONOCHROME'))) return ['', ''];
  if (main.modality === 'PT') {
    const label = main.scale?.label ?? '';
    const unit = main.scale?.kind === 'suv' ? ` ${main.scale.unit}` : '';
    return [t('study.port.range', { label, low: digits(range.low), high: `${digits(range.high)}${unit}` }), petWords(main)];
  }
  const preset = presetOf(presetsOf(main), range);
  const { centre, width } = toCentre(preset ?? range);
  const numbers = t('study.port.window', { width: digits(width, 0), centre: digits(centre, 0) });
  const words = preset ? presetWords(preset) : t('study.window.own');
  return words === numbers || preset?.words?.startsWith('W ') === true ? [numbers, ''] : [words, numbers];
}

/** What the SUV rests on, as the header states it. */
function petWords(main: LoadedSeries): string {
  const set = main.frames[0]?.set;
  if (main.scale?.kind === 'header') return main.scale.reason ?? '';
  const weight = number(set, '00101030');
  const decay = text(set, '00541102');
  return [weight ? t('study.port.weight', { kg: digits(weight) }) : '', decay ? t('study.port.decay', { decay }) : ''].filter(Boolean).join(', ');
}

export interface PortNames {
  readonly main: Series | null;
  readonly over: Series | null;
}

const short: Readonly<Record<string, string>> = { PT: 'PET' };
export const modalityWord = (modality: string): string => short[modality] ?? modality;

export function axisWord(view: PortView): string {
  const axis = view.plane ? axisOf(view.plane.normal) : 'oblique';
  return view.frame?.position ? t(`study.port.${axis}`) : '';
}

export function cornerWords(view: PortView, main: LoadedSeries, over: LoadedSeries | null, names: PortNames): CornerWords {
  const { spec, frame } = view;
  const axis = axisWord(view);
  const count = `${view.image} / ${view.images}`;
  if (spec.kind === 'mip') {
    const { range } = view;
    return {
      topLeft: [t('study.port.mip'), t('study.port.front')],
      topRight: [main.scale?.label ?? '', range ? `${digits(range.low)} – ${digits(range.high)}` : ''],
      bottomLeft: ['', ''],
    };
  }
  const acquired = axis !== '' && frame !== null && view.plane !== null && sameAxis(view);
  const place = placeWords(view);
  const thickness = frame?.thickness ?? null;
  const detail = [thickness !== null && acquired ? t('study.port.mm', { mm: fixed(thickness) }) : '', axis].filter(Boolean).join(', ');
  if (spec.kind === 'plane' && spec.over && over) {
    const [name, numbers] = windowWords(view, main);
    const look = fusionOf(over);
    const pet = t('study.port.range', { label: over.scale?.label ?? modalityWord(over.modality), low: '0', high: digits(look.top, 0) });
    return {
      topLeft: [t('study.port.fused'), acquired ? `${t('study.port.pet_on_ct', { over: modalityWord(over.modality), main: modalityWord(main.modality) })}, ${axis}` : axis],
      topRight: acquired ? [count, ''] : ['', place],
      bottomLeft: acquired ? [pet, t('study.port.fusion', { window: `${modalityWord(main.modality)} ${numbers || name}`, over: modalityWord(over.modality), share: String(Math.round(look.share * 100)) })] : [pet, ''],
    };
  }
  return {
    topLeft: [seriesTitle(names.main), detail],
    topRight: spec.kind === 'stack' || acquired ? [count, place] : ['', place],
    bottomLeft: windowWords(view, main),
  };
}

function sameAxis(view: PortView): boolean {
  const { frame, plane } = view;
  if (!frame?.rowCosine || !frame.columnCosine || !plane) return false;
  const [rx, ry, rz] = frame.rowCosine;
  const [cx, cy, cz] = frame.columnCosine;
  const [nx, ny, nz] = plane.normal;
  return Math.abs(nx * (ry * cz - rz * cy) + ny * (rz * cx - rx * cz) + nz * (rx * cy - ry * cx)) > 0.97;
}

function placeWords(view: PortView): string {
  if (!view.plane || !view.frame?.position) return '';
  const axis = axisOf(view.plane.normal);
  const at = { axial: 2, coronal: 1, sagittal: 0, oblique: -1 }[axis];
  const value = view.plane.point[at];
  return value === undefined ? '' : t('study.port.place', { axis: 'xyz'[at] ?? '', mm: fixed(value) });
}

export interface Letters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}
export function portLetters(view: PortView): Letters | null {
  if (!view.right || !view.up) return null;
  return { left: letters(scale(view.right, -1)), right: letters(view.right), top: letters(view.up), bottom: letters(scale(view.up, -1)) };
}

/** The sentence that stands for the picture. */
export function pictureSentence(view: PortView, main: LoadedSeries, names: PortNames, marks: number): string {
  const { spec } = view;
  const values = { series: seriesTitle(names.main), image: view.image, images: view.images };
  const marked = marks > 0 ? `. ${t('study.port.role.marks', { n: marks })}` : '';
  if (spec.kind === 'mip') return t('study.port.role.mip') + marked;
  if (spec.kind === 'stack') return t('study.port.role.stack', { modality: modalityWord(main.modality), ...values }) + marked;
  const axis = axisWord(view);
  if (spec.over) return t('study.port.role.fused', { over: 'PET', main: modalityWord(main.modality), axis, image: view.image, images: view.images }) + marked;
  return t('study.port.role.plane', { modality: modalityWord(main.modality), axis, ...values }) + marked;
}

/** Why nothing is measured on this picture, or null where it is measured. */
export function unmeasured(view: PortView, measurable: boolean, geometryText: string | null): string | null {
  if (view.spec.kind === 'mip') return null;
  if (view.ready && view.frame && view.frame.spacing === null) return t('study.port.spacing');
  if (!measurable) return geometryText ?? t('study.port.shown');
  return null;
}
