import { cache, Enums, eventTarget, imageLoader, volumeLoader, cornerstoneStreamingImageVolumeLoader } from '@cornerstonejs/core';
import { ApiError, readProblem } from '@/api/client';
import { isDataSets } from '../model/dicomJson';
import { loadedSeries, type LoadedSeries } from '../model/frames';
import type { PetScale } from '../model/suv';
import { forgetLost } from './lost';
import { forget, learn } from './provider';

const scheme = 'cornerstoneStreamingImageVolume';
let registered = false;

/** The headers of a series, given beforehand, so that frames need no parsing on the main thread. */
export async function fetchSeries(study: string, series: string, pet: PetScale | null, signal: AbortSignal): Promise<LoadedSeries> {
  let response: Response;
  try {
    response = await fetch(`/dicom-web/studies/${encodeURIComponent(study)}/series/${encodeURIComponent(series)}/metadata`, {
      headers: { Accept: 'application/dicom+json' },
      credentials: 'same-origin',
      signal,
    });
  } catch (error) {
    throw new ApiError({ kind: error instanceof DOMException && error.name === 'AbortError' ? 'aborted' : 'offline' });
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const problem = readProblem(body, response.status);
    throw new ApiError(problem ? { kind: 'problem', status: response.status, problem, body } : { kind: 'unreadable', status: response.status });
  }
  if (!isDataSets(body)) throw new ApiError({ kind: 'unreadable', status: response.status });
  const loaded = loadedSeries(study, series, body, pet);
  learn(loaded);
  forgetLost(loaded);
  return loaded;
}

export const volumeIdOf = (series: string): string => `${scheme}:${series}`;

interface Filling {
  autoRenderOnLoad: boolean;
  load: () => void;
  getImageLoadRequests: (priority: number) => ({ imageIdIndex: number } | undefined)[];
}

/** The frames nearest to the middle are asked for first: that is where a desk opens. */
function middleFirst(volume: Filling, count: number): void {
  const original = volume.getImageLoadRequests.bind(volume);
  const away = (request: { imageIdIndex: number } | undefined): number => Math.abs((request?.imageIdIndex ?? 0) - count / 2);
  // The loader takes the list from its end.
  volume.getImageLoadRequests = (priority) => original(priority).sort((a, b) => away(b) - away(a));
}

const making = new Map<string, Promise<void>>();

/** Builds the volume of a regular series and starts to fill it, the middle first. */
export function volumeOf(loaded: LoadedSeries): Promise<void> {
  if (!registered) {
    registered = true;
    volumeLoader.registerVolumeLoader(scheme, cornerstoneStreamingImageVolumeLoader as unknown as Parameters<typeof volumeLoader.registerVolumeLoader>[1]);
  }
  const id = volumeIdOf(loaded.series);
  const running = making.get(id);
  if (running && cache.getVolume(id)) return running;
  const imageIds = loaded.frames.map((frame) => frame.imageId);
  const made = volumeLoader.createAndCacheVolume(id, { imageIds }).then((volume) => {
    const filling = volume as unknown as Filling;
    // Rendering while it fills is paced by the desk, not by every fiftieth of the frames.
    filling.autoRenderOnLoad = false;
    middleFirst(filling, imageIds.length);
    filling.load();
  });
  making.set(id, made);
  return made;
}

/** Resolves when all frames of a volume have come or failed. */
export function filled(series: string): Promise<void> {
  const id = volumeIdOf(series);
  const done = () => (cache.getVolume(id) as unknown as { loadStatus?: { loaded?: boolean } } | undefined)?.loadStatus?.loaded === true;
  if (done()) return Promise.resolve();
  return new Promise((resolve) => {
    const listener = (event: unknown) => {
      if ((event as { detail?: { volumeId?: string } }).detail?.volumeId !== id) return;
      eventTarget.removeEventListener(Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, listener);
      resolve();
    };
    eventTarget.addEventListener(Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, listener);
  });
}

/** Loads the frames of a stack ahead, from the one that is looked at outwards. */
export function loadAhead(loaded: LoadedSeries, from: number): void {
  const order = loaded.frames.map((_, at) => at).sort((a, b) => Math.abs(a - from) - Math.abs(b - from));
  for (const at of order.slice(0, 600)) {
    const frame = loaded.frames[at];
    if (!frame || cache.getImageLoadObject(frame.imageId)) continue;
    imageLoader.loadAndCacheImage(frame.imageId, { requestType: Enums.RequestType.Prefetch, priority: Math.abs(at - from) }).catch(() => undefined);
  }
}

export function loadedCount(loaded: LoadedSeries): number {
  return loaded.frames.reduce((sum, frame) => sum + (cache.isLoaded(frame.imageId) ? 1 : 0), 0);
}

export function dropSeries(loaded: LoadedSeries): void {
  const id = volumeIdOf(loaded.series);
  making.delete(id);
  if (cache.getVolume(id)) cache.removeVolumeLoadObject(id);
  for (const frame of loaded.frames) if (cache.getImageLoadObject(frame.imageId)) cache.removeImageLoadObject(frame.imageId);
  forget(loaded);
}
