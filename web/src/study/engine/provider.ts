import { metaData } from '@cornerstonejs/core';
import { bytes, items, number, numbers, text, type DataSet } from '../model/dicomJson';
import type { Frame, LoadedSeries } from '../model/frames';

/**
 * Answers Cornerstone's questions about an image from the headers that came with GET …/metadata, before any pixel is
 * asked for. Asked first: Cornerstone's own reading of PET headers must not compute a second scale.
 */
const frames = new Map<string, { frame: Frame; series: LoadedSeries }>();

export function learn(series: LoadedSeries): void {
  for (const frame of series.frames) frames.set(frame.imageId, { frame, series });
}

/** Frames that are still on their way when a study is left need their headers once more. */
const grace = 60_000;
export function forget(series: LoadedSeries): void {
  setTimeout(() => {
    for (const frame of series.frames) if (frames.get(frame.imageId)?.series === series) frames.delete(frame.imageId);
  }, grace);
}

function palette(set: DataSet, tag: string): unknown {
  const raw = bytes(set, tag);
  return raw ? new Uint16Array(raw.buffer, raw.byteOffset, Math.floor(raw.byteLength / 2)) : undefined;
}

function pixel(frame: Frame): object {
  const { set } = frame;
  const colour = (tag: string) => (numbers(set, tag).length > 0 ? numbers(set, tag) : undefined);
  return {
    samplesPerPixel: number(set, '00280002') ?? 1,
    photometricInterpretation: frame.photometric,
    rows: frame.rows,
    columns: frame.columns,
    bitsAllocated: number(set, '00280100') ?? 16,
    bitsStored: number(set, '00280101') ?? number(set, '00280100') ?? 16,
    highBit: number(set, '00280102') ?? undefined,
    pixelRepresentation: number(set, '00280103') ?? 0,
    planarConfiguration: number(set, '00280006') ?? 0,
    pixelAspectRatio: text(set, '00280034') ?? undefined,
    redPaletteColorLookupTableDescriptor: colour('00281101'),
    greenPaletteColorLookupTableDescriptor: colour('00281102'),
    bluePaletteColorLookupTableDescriptor: colour('00281103'),
    redPaletteColorLookupTableData: palette(set, '00281201'),
    greenPaletteColorLookupTableData: palette(set, '00281202'),
    bluePaletteColorLookupTableData: palette(set, '00281203'),
  };
}

function plane(frame: Frame): object {
  const row = frame.rowCosine ?? [1, 0, 0];
  const column = frame.columnCosine ?? [0, 1, 0];
  const known = frame.rowCosine !== null && frame.position !== null && frame.spacing !== null;
  return {
    frameOfReferenceUID: frame.frameOfReference ?? `none-${frame.sop}`,
    rows: frame.rows,
    columns: frame.columns,
    imageOrientationPatient: [...row, ...column],
    rowCosines: [...row],
    columnCosines: [...column],
    imagePositionPatient: frame.position ? [...frame.position] : [0, 0, frame.frame - 1],
    sliceThickness: frame.thickness ?? undefined,
    sliceLocation: number(frame.set, '00201041') ?? undefined,
    pixelSpacing: frame.spacing ? [...frame.spacing] : [1, 1],
    rowPixelSpacing: frame.spacing?.[0] ?? 1,
    columnPixelSpacing: frame.spacing?.[1] ?? 1,
    usingDefaultValues: !known,
  };
}

function voi(frame: Frame): object {
  if (frame.windows.length === 0 && frame.voiLut) {
    const { firstValueMapped: first, lut } = frame.voiLut;
    return { windowCenter: [first + lut.length / 2], windowWidth: [lut.length], voiLUTFunction: 'LINEAR' };
  }
  if (frame.windows.length === 0) return {};
  return {
    windowCenter: frame.windows.map((one) => one.centre),
    windowWidth: frame.windows.map((one) => one.width),
    voiLUTFunction: frame.voiFunction ?? undefined,
  };
}

function calibration(frame: Frame): object {
  const regions = items(frame.set, '00186011').map((region) => ({
    regionLocationMinX0: number(region, '00186018'),
    regionLocationMinY0: number(region, '0018601A'),
    regionLocationMaxX1: number(region, '0018601C'),
    regionLocationMaxY1: number(region, '0018601E'),
    referencePixelX0: number(region, '00186020'),
    referencePixelY0: number(region, '00186022'),
    physicalDeltaX: number(region, '0018602C'),
    physicalDeltaY: number(region, '0018602E'),
    physicalUnitsXDirection: number(region, '00186024'),
    physicalUnitsYDirection: number(region, '00186026'),
    regionSpatialFormat: number(region, '00186012'),
    regionDataType: number(region, '00186014'),
  }));
  return regions.length > 0 ? { sequenceOfUltrasoundRegions: regions } : {};
}

function answer(type: string, imageId: unknown): unknown {
  if (typeof imageId !== 'string') return undefined;
  const known = frames.get(imageId);
  if (!known) return undefined;
  const { frame, series } = known;
  switch (type) {
    case 'generalSeriesModule':
      return {
        modality: frame.modality,
        seriesInstanceUID: series.series,
        seriesNumber: number(frame.set, '00200011') ?? undefined,
        studyInstanceUID: text(frame.set, '0020000D') ?? undefined,
        seriesDate: undefined,
        seriesTime: undefined,
      };
    case 'imagePlaneModule':
      return plane(frame);
    case 'imagePixelModule':
      return pixel(frame);
    case 'voiLutModule':
      return voi(frame);
    case 'modalityLutModule':
      return frame.hasRescale ? { rescaleIntercept: frame.intercept, rescaleSlope: frame.slope, rescaleType: text(frame.set, '00281054') ?? undefined } : {};
    case 'sopCommonModule':
      return { sopClassUID: text(frame.set, '00080016') ?? undefined, sopInstanceUID: frame.sop };
    case 'scalingModule':
      return series.scale?.kind === 'suv' ? { suvbw: series.scale.factors?.get(frame.sop) ?? series.scale.factor } : {};
    case 'petSeriesModule':
      return { units: text(frame.set, '00541001') ?? undefined, decayCorrection: text(frame.set, '00541102') ?? undefined };
    case 'transferSyntax':
      return { transferSyntaxUID: frame.transferSyntax ?? undefined };
    case 'multiframeModule':
      return { NumberOfFrames: frame.frames };
    case 'generalImageModule':
      return { sopInstanceUID: frame.sop, instanceNumber: frame.number ?? undefined };
    case 'calibrationModule':
      return calibration(frame);
    case 'cineModule':
      return { cineRate: frame.frameTime ? 1000 / frame.frameTime : undefined, numberOfFrames: frame.frames };
    default:
      return undefined;
  }
}

let registered = false;
export function registerHeaders(): void {
  if (registered) return;
  registered = true;
  metaData.addProvider(answer, 100_000);
}
