import { Enums, type Types } from '@cornerstonejs/core';
import type { LoadedSeries } from '../model/frames';
import { loadAhead, volumeIdOf, volumeOf } from './series';

/** How PET lies over CT: a hot colour scale from 0 to `top`, `share` of it at most. */
export interface FusionLook {
  readonly top: number;
  readonly share: number;
}
export const fusionLook: FusionLook = { top: 8, share: 0.86 };
const counts: FusionLook = { top: 0, share: 0.7 };

const soft = { lower: -160, upper: 240 };
const lung = { lower: -1200, upper: 200 };

/** The highest stored value of a PET without SUV gives its window: half of the middle image's maximum. */
function roughTop(loaded: LoadedSeries): number {
  const middle = loaded.frames[Math.floor(loaded.frames.length / 2)];
  return middle ? Math.max(1, 0.5 * (32767 * middle.slope + middle.intercept)) : 1000;
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

export async function showPlane(viewport: Types.IVolumeViewport, main: LoadedSeries, over: LoadedSeries | null): Promise<void> {
  await Promise.all([volumeOf(main), over ? volumeOf(over) : Promise.resolve()]);
  await viewport.setVolumes([{ volumeId: volumeIdOf(main.series) }, ...(over ? [{ volumeId: volumeIdOf(over.series) }] : [])]);
  if (main.modality === 'CT') viewport.setProperties({ voiRange: over ? soft : lung }, volumeIdOf(main.series));
  if (main.modality === 'PT') viewport.setProperties({ voiRange: { lower: 0, upper: petTop(main, 5) } }, volumeIdOf(main.series));
  if (over) colour(viewport, over.series, over.scale?.kind === 'suv' ? fusionLook : { ...counts, top: roughTop(over) });
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
          { value: top * 0.1, opacity: share * 0.12 },
          { value: top * 0.3, opacity: share * 0.55 },
          { value: top * 0.55, opacity: share },
          { value: top * 100, opacity: share },
        ],
      },
    },
    volumeIdOf(over),
  );
}

export async function showMip(viewport: Types.IVolumeViewport, loaded: LoadedSeries): Promise<void> {
  await volumeOf(loaded);
  await viewport.setVolumes([{ volumeId: volumeIdOf(loaded.series) }]);
  viewport.setProperties({ voiRange: { lower: 0, upper: petTop(loaded, 6) } }, volumeIdOf(loaded.series));
  viewport.setBlendMode(Enums.BlendModes.MAXIMUM_INTENSITY_BLEND);
  const size = viewport.getImageData()?.imageData.getBounds() ?? [0, 500, 0, 500, 0, 1000];
  viewport.setSlabThickness(Math.hypot((size[1] ?? 0) - (size[0] ?? 0), (size[3] ?? 0) - (size[2] ?? 0), (size[5] ?? 0) - (size[4] ?? 0)));
  viewport.resetCamera();
}
