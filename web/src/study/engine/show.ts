import { CONSTANTS, Enums, type Types } from '@cornerstonejs/core';
import type { LoadedSeries } from '../model/frames';
import { filled, loadAhead, volumeIdOf, volumeOf } from './series';

/** How PET lies over CT: a hot colour scale from 0 to `top`, `share` of it at most. */
export interface FusionLook {
  readonly top: number;
  readonly share: number;
}

const soft = { lower: -160, upper: 240 };

/** CT opens in the window of its header, else in soft tissue. */
function ctWindow(loaded: LoadedSeries): { lower: number; upper: number } {
  const own = loaded.frames[Math.floor(loaded.frames.length / 2)]?.windows[0];
  return own ? { lower: own.centre - own.width / 2, upper: own.centre + own.width / 2 } : soft;
}

/** The highest stored value of a PET without SUV gives its window: half of the middle image's maximum. */
function roughTop(loaded: LoadedSeries): number {
  const middle = loaded.frames[Math.floor(loaded.frames.length / 2)];
  return middle ? Math.max(1, 0.5 * (32767 * middle.slope + middle.intercept)) : 1000;
}

/** PET with SUV is laid over CT from 0 to 8; without, from 0 to a rough top in the unit of its header, and thinner. */
export function fusionOf(over: LoadedSeries): FusionLook {
  return over.scale?.kind === 'suv' ? { top: 8, share: 0.86 } : { top: roughTop(over), share: 0.7 };
}

export function petTop(loaded: LoadedSeries, wanted: number): number {
  return loaded.scale?.kind === 'suv' ? wanted : roughTop(loaded);
}

export async function showStack(viewport: Types.IStackViewport, loaded: LoadedSeries): Promise<void> {
  const ids = loaded.frames.map((frame) => frame.imageId);
  if (ids.length === 0) throw new Error('no frames');
  const movie = (loaded.frames[0]?.frames ?? 1) > 1 && loaded.modality === 'US';
  const start = movie ? 0 : Math.floor(ids.length / 2);
  await viewport.setStack(ids, start);
  if (loaded.modality === 'PT') viewport.setProperties({ voiRange: { lower: 0, upper: petTop(loaded, 5) } });
  viewport.render();
  loadAhead(loaded, start);
}

/** `across` the images: such a cut waits until all are here, since what is missing would look like water. */
export async function showPlane(viewport: Types.IVolumeViewport, main: LoadedSeries, over: LoadedSeries | null, across: boolean): Promise<void> {
  await Promise.all([volumeOf(main), over ? volumeOf(over) : Promise.resolve()]);
  if (across) await Promise.all([filled(main.series), over ? filled(over.series) : Promise.resolve()]);
  await viewport.setVolumes([{ volumeId: volumeIdOf(main.series) }, ...(over ? [{ volumeId: volumeIdOf(over.series) }] : [])]);
  if (main.modality === 'CT') viewport.setProperties({ voiRange: over ? soft : ctWindow(main) }, volumeIdOf(main.series));
  if (main.modality === 'PT') viewport.setProperties({ voiRange: { lower: 0, upper: petTop(main, 5) } }, volumeIdOf(main.series));
  if (over) colour(viewport, over.series, fusionOf(over));
}

/**
 * The renderer thins opacity by the depth of what it passes through, in units of this distance. A cut is a slab of twice
 * the least thickness: with that unit the opacity asked for is the opacity seen.
 */
const cutDepth = 2 * CONSTANTS.RENDERING_DEFAULTS.MINIMUM_SLAB_THICKNESS;

interface CutActor {
  getProperty: () => { setScalarOpacityUnitDistance: (component: number, distance: number) => void };
  getMapper: () => { setSampleDistance: (distance: number) => void; setMaximumSamplesPerRay: (most: number) => void };
}

export function colour(viewport: Types.IVolumeViewport, over: string, look: FusionLook): void {
  const { top, share } = look;
  viewport.setProperties({ voiRange: { lower: 0, upper: top } }, volumeIdOf(over));
  viewport.setProperties(
    {
      colormap: {
        name: 'vedette-hot',
        opacity: [
          { value: 0, opacity: 0 },
          { value: top * 0.06, opacity: 0 },
          { value: top * 0.3, opacity: share * 0.6 },
          { value: top * 0.6, opacity: share },
          { value: top, opacity: share },
        ],
      },
    },
    volumeIdOf(over),
  );
  const entry = viewport.getActors().find((one) => one.referencedId === volumeIdOf(over) || one.uid === volumeIdOf(over));
  const actor = entry?.actor as unknown as CutActor | undefined;
  actor?.getProperty().setScalarOpacityUnitDistance(0, cutDepth);
  actor?.getMapper().setSampleDistance(cutDepth);
  actor?.getMapper().setMaximumSamplesPerRay(40_000);
}

/**
 * The projection waits for the whole volume: drawn while it fills it would be wrong, and slow. It fills the port's
 * height as far as the air beside the patient allows.
 */
export async function showMip(viewport: Types.IVolumeViewport, loaded: LoadedSeries): Promise<void> {
  await volumeOf(loaded);
  await filled(loaded.series);
  await viewport.setVolumes([{ volumeId: volumeIdOf(loaded.series) }]);
  viewport.setProperties({ voiRange: { lower: 0, upper: petTop(loaded, 6) } }, volumeIdOf(loaded.series));
  viewport.setBlendMode(Enums.BlendModes.MAXIMUM_INTENSITY_BLEND);
  const [x0 = 0, x1 = 500, y0 = 0, y1 = 500, z0 = 0, z1 = 1000] = viewport.getImageData()?.imageData.getBounds() ?? [];
  viewport.setSlabThickness(Math.hypot(x1 - x0, y1 - y0, z1 - z0));
  fitMip(viewport);
}

export function fitMip(viewport: Types.IVolumeViewport): void {
  viewport.resetCamera();
  const data = viewport.getImageData()?.imageData;
  const { clientWidth, clientHeight } = viewport.element;
  if (!data || clientWidth === 0 || clientHeight === 0) return;
  const [x0, x1, , , z0, z1] = data.getBounds();
  const { focalPoint, position } = viewport.getCamera();
  const [low, high] = bodyWidth(viewport) ?? [x0, x1];
  const byHeight = (z1 - z0) / 2;
  const byWidth = (((high - low) / 2) * clientHeight) / clientWidth;
  const move = focalPoint ? (low + high) / 2 - focalPoint[0] : 0;
  viewport.setCamera({
    parallelScale: Math.max(byHeight, byWidth) * 1.03,
    ...(focalPoint && position ? { focalPoint: [focalPoint[0] + move, focalPoint[1], focalPoint[2]], position: [position[0] + move, position[1], position[2]] } : {}),
  });
}

/** From where to where, right to left in millimetres, there is activity: a coarse look at every fourth voxel. */
function bodyWidth(viewport: Types.IVolumeViewport): [number, number] | null {
  const image = viewport.getImageData();
  const range = viewport.getProperties()?.voiRange;
  if (!image?.voxelManager || !range) return null;
  const [nx, ny, nz] = image.dimensions;
  const limit = range.upper * 0.04;
  let low = nx;
  let high = -1;
  for (let k = 0; k < nz; k += 4) {
    for (let j = 0; j < ny; j += 4) {
      for (let i = 0; i < nx; i += 2) {
        if ((i < low || i > high) && Number(image.voxelManager.getAtIJK(i, j, k)) > limit) {
          low = Math.min(low, i);
          high = Math.max(high, i);
        }
      }
    }
  }
  if (high <= low) return null;
  const a = image.imageData.indexToWorld([low - 1, 0, 0])[0];
  const b = image.imageData.indexToWorld([high + 1, 0, 0])[0];
  return a === undefined || b === undefined ? null : [Math.min(a, b), Math.max(a, b)];
}
