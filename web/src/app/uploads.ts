// The uploads of this page. They go on while other pages are looked at; files that could not leave wait and are tried again.
import { useSyncExternalStore } from 'react';
import { csrfToken, readProblem } from '@/api/client';
import type { UploadAnswer } from '@/api/types';
import { backOff } from '@/logic/sse';
import { stateOf, type Upload } from '@/logic/uploads';
import { failureWords } from '@/ui/pieces';
import { ApiError } from '@/api/client';

const parallel = 3;

export interface UploadState { uploads: readonly Upload[]; studies: readonly string[]; paused: boolean; nextTry: number | null }

let files = new Map<number, File>();
let current: UploadState = { uploads: [], studies: [], paused: false, nextTry: null };
let lastId = 0;
let running = 0;
let misses = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let drawn: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

/** Thousands of files change state; the page is told ten times a second at most. */
function tell(): void {
  drawn ??= setTimeout(() => {
    drawn = undefined;
    for (const listener of listeners) listener();
  }, 100);
}
const set = (change: Partial<UploadState>): void => { current = { ...current, ...change }; tell(); };
const setOne = (id: number, change: Partial<Upload>): void => {
  set({ uploads: current.uploads.map((upload) => (upload.id === id ? { ...upload, ...change } : upload)) });
};

function send(file: File, name: string, progress: (sent: number) => void): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much of a body has left.
    const request = new XMLHttpRequest();
    request.open('POST', '/api/uploads');
    request.responseType = 'text';
    request.setRequestHeader('Content-Type', /\.zip$/i.test(name) ? 'application/zip' : 'application/dicom');
    request.setRequestHeader('Content-Disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('X-CSRF-Token', csrfToken());
    request.upload.onprogress = (event) => { progress(event.loaded); };
    request.onerror = () => { reject(new ApiError({ kind: 'offline' })); };
    request.onabort = () => { reject(new ApiError({ kind: 'aborted' })); };
    request.onload = () => {
      let body: unknown;
      try { body = JSON.parse(request.responseText) as unknown; } catch { body = null; }
      const answer = body as Partial<UploadAnswer> | null;
      if (answer !== null && typeof answer.accepted === 'number') {
        resolve({ accepted: answer.accepted, duplicates: answer.duplicates ?? 0, refused: answer.refused ?? [], studies: answer.studies ?? [] });
        return;
      }
      const problem = readProblem(body, request.status);
      reject(new ApiError(problem === null ? { kind: 'unreadable', status: request.status } : { kind: 'problem', status: request.status, problem, body }));
    };
    request.send(file);
  });
}

/** Worth another try without a person: no answer, or a node that is busy or restarting. */
const passes = (error: unknown): boolean => error instanceof ApiError && (error.failure.kind === 'offline' || [429, 502, 503, 504].includes(error.status ?? 0));

async function one(upload: Upload, file: File): Promise<void> {
  running += 1;
  setOne(upload.id, { state: 'sending', sent: 0, cause: null });
  try {
    const answer = await send(file, upload.name, (sent) => { setOne(upload.id, { sent }); });
    misses = 0;
    files.delete(upload.id);
    setOne(upload.id, {
      state: stateOf(answer), stored: answer.accepted, duplicates: answer.duplicates,
      refusals: answer.refused.map((refused) => ({ name: refused.name === '' ? upload.name : refused.name, text: refused.text, where: refused.where ?? null })),
    });
    const known = new Set(current.studies);
    if (answer.studies.some((study) => !known.has(study))) set({ studies: [...new Set([...current.studies, ...answer.studies])] });
  } catch (error) {
    if (passes(error)) {
      const pause = backOff(misses) * 1000;
      misses += 1;
      setOne(upload.id, { state: 'waiting', sent: 0 });
      set({ nextTry: Date.now() + pause });
      clearTimeout(timer);
      timer = setTimeout(() => { set({ nextTry: null }); pump(); }, pause);
    } else {
      setOne(upload.id, { state: 'failed', cause: failureWords(error).text });
    }
  } finally {
    running -= 1;
    pump();
  }
}

function pump(): void {
  while (!current.paused && current.nextTry === null && running < parallel) {
    const next = current.uploads.find((upload) => upload.state === 'waiting');
    const file = next === undefined ? undefined : files.get(next.id);
    if (next === undefined || file === undefined) return;
    void one(next, file);
  }
}

export function addFiles(chosen: readonly { file: File; name: string }[]): void {
  const added = chosen.filter(({ name }) => !/(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini)$/i.test(name)).map(({ file, name }): Upload => {
    lastId += 1;
    files.set(lastId, file);
    return { id: lastId, name, size: file.size, sent: 0, state: 'waiting', stored: 0, duplicates: 0, refusals: [], cause: null };
  });
  set({ uploads: [...current.uploads, ...added] });
  pump();
}
export function setPaused(paused: boolean): void { set({ paused }); pump(); }
export function tryAgain(): void {
  set({ uploads: current.uploads.map((upload) => (upload.state === 'failed' ? { ...upload, state: 'waiting' as const, cause: null } : upload)), nextTry: null });
  pump();
}
export function clearUploads(): void {
  const left = current.uploads.filter((upload) => upload.state === 'waiting' || upload.state === 'sending');
  files = new Map([...files].filter(([id]) => left.some((upload) => upload.id === id)));
  set({ uploads: left, ...(left.length === 0 ? { studies: [] } : {}) });
}
export const useUploads = (): UploadState => useSyncExternalStore(
  (listener) => { listeners.add(listener); return () => { listeners.delete(listener); }; },
  () => current,
);

// Leaving the page would lose files that have not left yet; the browser asks.
window.addEventListener('beforeunload', (event) => {
  if (current.uploads.some((upload) => upload.state === 'waiting' || upload.state === 'sending')) event.preventDefault();
});
