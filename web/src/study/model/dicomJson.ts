/** The DICOM JSON model, PS3.18 Annex F, as far as it is read here. */
export interface Element {
  readonly vr?: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
}
export type DataSet = Readonly<Record<string, Element | undefined>>;

const isDataSet = (value: unknown): value is DataSet => typeof value === 'object' && value !== null && !Array.isArray(value);

export const numbers = (set: DataSet | undefined, tag: string): number[] =>
  (set?.[tag]?.Value ?? []).map((value) => (typeof value === 'number' ? value : Number(value))).filter((value) => Number.isFinite(value));
export const number = (set: DataSet | undefined, tag: string): number | null => numbers(set, tag)[0] ?? null;
export const texts = (set: DataSet | undefined, tag: string): string[] =>
  (set?.[tag]?.Value ?? []).filter((value): value is string => typeof value === 'string');
export const text = (set: DataSet | undefined, tag: string): string | null => texts(set, tag)[0] ?? null;
export const items = (set: DataSet | undefined, tag: string): DataSet[] => (set?.[tag]?.Value ?? []).filter(isDataSet);

/** Bytes given inline; null where they are elsewhere or not there. */
export function bytes(set: DataSet | undefined, tag: string): Uint8Array | null {
  const inline = set?.[tag]?.InlineBinary;
  if (inline === undefined) return null;
  try {
    return Uint8Array.from(atob(inline), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** 16-bit values of OW, US or SS, whichever way they came. */
export function words16(set: DataSet | undefined, tag: string): Uint16Array | null {
  const raw = bytes(set, tag);
  if (raw) return new Uint16Array(raw.buffer, raw.byteOffset, Math.floor(raw.byteLength / 2));
  const list = numbers(set, tag);
  return list.length > 0 ? Uint16Array.from(list) : null;
}

export function isDataSets(body: unknown): body is DataSet[] {
  return Array.isArray(body) && body.every(isDataSet);
}
