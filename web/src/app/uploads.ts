// The uploads of this page. They go on while other pages are looked at; files that could not leave wait and are tried again.
import { useSyncExternalStore } from 'react';
import { ApiError, csrfToken, readProblem } from '@/api/client';
import type { UploadAnswer } from '@/api/types';
import { backOff } from '@/logic/sse';
import { judge, nextBatch, spread, type Refusal, type Upload } from '@/logic/uploads';
import { failureWords } from '@/ui/pieces';

// Two batches overlap, so that the node never sees the sender of a study gone before the last file.
const parallel = 2;
const mostFiles = 200;
const mostBytes = 64_000_000;

export interface UploadState {
  uploads: readonly Upload[];
  studies: readonly string[];
  stored: number;
  duplicates: number;
  refusals: readonly Refusal[];
  paused: boolean;
  nextTry: number | null;
}

const nothing: UploadState = { uploads: [], studies: [], stored: 0, duplicates: 0, refusals: [], paused: false, nextTry: null };
let files = new Map<number, File>();
let current: UploadState = nothing;
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
const setSome = (batch: readonly Upload[], change: (upload: Upload) => Partial<Upload>): void => {
  const ids = new Set(batch.map((upload) => upload.id));
  set({ uploads: current.uploads.map((upload) => (ids.has(upload.id) ? { ...upload, ...change(upload) } : upload)) });
};

/** A ZIP is the body itself; files go as parts of a form, each under its own name. */
function bodyOf(batch: readonly Upload[]): { body: FormData | File; headers: Record<string, string> } {
  const first = batch[0];
  const only = first === undefined || batch.length > 1 ? undefined : files.get(first.id);
  if (first !== undefined && only !== undefined) {
    return { body: only, headers: { 'Content-Type': /\.zip$/i.test(first.name) ? 'application/zip' : 'application/dicom', 'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(first.name)}` } };
  }
  const form = new FormData();
  for (const upload of batch) {
    const file = files.get(upload.id);
    if (file !== undefined) form.append('file', file, upload.name);
  }
  return { body: form, headers: {} };
}

function send(batch: readonly Upload[], progress: (sent: number) => void): Promise<UploadAnswer> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much of a body has left.
    const request = new XMLHttpRequest();
    const { body, headers } = bodyOf(batch);
    request.open('POST', '/api/uploads');
    request.responseType = 'text';
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('X-CSRF-Token', csrfToken());
    request.upload.onprogress = (event) => { progress(event.loaded); };
    request.onerror = () => { reject(new ApiError({ kind: 'offline' })); };
    request.onabort = () => { reject(new ApiError({ kind: 'aborted' })); };
    request.onload = () => {
      let answered: unknown;
      try { answered = JSON.parse(request.responseText) as unknown; } catch { answered = null; }
      const answer = answered as Partial<UploadAnswer> | null;
      if (answer !== null && typeof answer.accepted === 'number') {
        resolve({ accepted: answer.accepted, duplicates: answer.duplicates ?? 0, refused: answer.refused ?? [], studies: answer.studies ?? [] });
        return;
      }
      const problem = readProblem(answered, request.status);
      reject(new ApiError(problem === null ? { kind: 'unreadable', status: request.status } : { kind: 'problem', status: request.status, problem, body: answered }));
    };
    request.send(body);
  });
}

/** Worth another try without a person: no answer, or a node that is busy or restarting. */
const passes = (error: unknown): boolean => error instanceof ApiError && (error.failure.kind === 'offline' || [429, 502, 503, 504].includes(error.status ?? 0));

async function one(batch: readonly Upload[]): Promise<void> {
  running += 1;
  setSome(batch, () => ({ state: 'sending', sent: 0, cause: null }));
  try {
    const answer = await send(batch, (sent) => {
      const shares = spread(batch, sent);
      setSome(batch, (upload) => ({ sent: shares.get(upload.id) ?? 0 }));
    });
    misses = 0;
    const verdicts = judge(batch, answer);
    for (const upload of batch) files.delete(upload.id);
    setSome(batch, (upload) => verdicts.get(upload.id) ?? {});
    set({
      stored: current.stored + answer.accepted,
      duplicates: current.duplicates + answer.duplicates,
      refusals: [...current.refusals, ...answer.refused.map((refused) => ({ name: refused.name === '' ? (batch[0]?.name ?? '') : refused.name, text: refused.text, where: refused.where ?? null }))],
      studies: [...new Set([...current.studies, ...answer.studies])],
    });
  } catch (error) {
    if (passes(error)) {
      const pause = backOff(misses) * 1000;
      misses += 1;
      setSome(batch, () => ({ state: 'waiting', sent: 0 }));
      set({ nextTry: Date.now() + pause });
      clearTimeout(timer);
      timer = setTimeout(() => { set({ nextTry: null }); pump(); }, pause);
    } else {
      setSome(batch, () => ({ state: 'failed', cause: failureWords(error).text }));
    }
  } finally {
    running -= 1;
    pump();
  }
}

function pump(): void {
  while (!current.paused && current.nextTry === null && running < parallel) {
    const batch = nextBatch(current.uploads, mostFiles, mostBytes);
    if (batch.length === 0) return;
    void one(batch);
  }
}

export function addFiles(chosen: readonly { file: File; name: string }[]): void {
  const added = chosen.filter(({ name }) => !/(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini)$/i.test(name)).map(({ file, name }): Upload => {
    lastId += 1;
    files.set(lastId, file);
    return { id: lastId, name, size: file.size, sent: 0, state: 'waiting', cause: null };
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
  if (left.length === 0) { current = nothing; tell(); } else set({ uploads: left });
}
export const useUploads = (): UploadState => useSyncExternalStore(
  (listener) => { listeners.add(listener); return () => { listeners.delete(listener); }; },
  () => current,
);

// Leaving the page would lose files that have not left yet; the browser asks.
window.addEventListener('beforeunload', (event) => {
  if (current.uploads.some((upload) => upload.state === 'waiting' || upload.state === 'sending')) event.preventDefault();
});
