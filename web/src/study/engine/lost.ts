import { cache, Enums, eventTarget, getWebWorkerManager } from '@cornerstonejs/core';
import type { LoadedSeries } from '../model/frames';

/** Pictures that will not come: their decoder did not start, or none of their frames could be fetched or decoded. */
let decoderGone = false;
const failed = new Set<string>();
const listeners = new Set<() => void>();
const tell = (): void => {
  for (const listener of listeners) listener();
};

/** Call right after the image loader made its workers: one that cannot start says so once, later, and answers nothing. */
export function watchDecoders(): void {
  const { workerRegistry } = getWebWorkerManager() as unknown as { workerRegistry: Record<string, { nativeWorkers: readonly Worker[] } | undefined> };
  for (const worker of workerRegistry['dicomImageLoader']?.nativeWorkers ?? []) {
    worker.addEventListener('error', () => {
      decoderGone = true;
      tell();
    });
  }
  eventTarget.addEventListener(Enums.Events.IMAGE_LOAD_FAILED, (event: unknown) => {
    const imageId = (event as { detail?: { imageId?: string } }).detail?.imageId;
    if (imageId === undefined) return;
    failed.add(imageId);
    tell();
  });
}

export function onLost(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** So many frames fail, and none comes, before the series is given up. */
const enough = 4;

/** Whether a series will show nothing. One frame of many that does not come is said in its port, not here. */
export function isLost(loaded: LoadedSeries): boolean {
  const { frames } = loaded;
  if (frames.length === 0 || frames.some((frame) => cache.isLoaded(frame.imageId))) return false;
  return decoderGone || frames.filter((frame) => failed.has(frame.imageId)).length >= Math.min(enough, frames.length);
}

/** A series that is asked for anew gets a new chance. */
export function forgetLost(loaded: LoadedSeries): void {
  for (const frame of loaded.frames) failed.delete(frame.imageId);
}
