// The line of live events: one stream per page. What it says is only "something changed"; the words are fetched.
import { useSyncExternalStore } from 'react';
import type { LiveEvent } from '@/api/types';
import { backOff, SseParser } from '@/logic/sse';

export interface LiveState { state: 'connecting' | 'live' | 'lost'; since: number; nextTry: number | null; signedOut: boolean }

const silence = 45_000;
let current: LiveState = { state: 'connecting', since: Date.now(), nextTry: null, signedOut: false };
const stateListeners = new Set<() => void>();
const eventListeners = new Set<(event: LiveEvent) => void>();
let wake: (() => void) | null = null;

function become(next: Partial<LiveState>): void {
  const changed = next.state !== undefined && next.state !== current.state;
  current = { ...current, ...next, ...(changed ? { since: Date.now() } : {}) };
  for (const listener of stateListeners) listener();
}

export const useLive = (): LiveState => useSyncExternalStore(
  (listener) => { stateListeners.add(listener); return () => { stateListeners.delete(listener); }; },
  () => current,
);
export const onLiveEvent = (listener: (event: LiveEvent) => void): (() => void) => {
  eventListeners.add(listener);
  return () => { eventListeners.delete(listener); };
};
export const tryLiveNow = (): void => wake?.();

function readEvent(kind: string, data: string): LiveEvent | null {
  try {
    const body = JSON.parse(data) as Partial<LiveEvent>;
    return { seq: body.seq ?? 0, kind: body.kind ?? kind, study_uid: body.study_uid ?? null, at: body.at ?? '' };
  } catch {
    return null;
  }
}

/** Opens the stream and keeps it open until the returned function is called. */
export function startLive(): () => void {
  const stop = new AbortController();
  let lastId: string | null = null;
  let tries = 0;

  const once = async (): Promise<void> => {
    const attempt = new AbortController();
    const abort = (): void => { attempt.abort(); };
    stop.signal.addEventListener('abort', abort);
    window.addEventListener('offline', abort);
    let heard = setTimeout(abort, silence);
    try {
      const response = await fetch('/api/events', {
        headers: { Accept: 'text/event-stream', ...(lastId === null ? {} : { 'Last-Event-ID': lastId }) },
        credentials: 'same-origin', cache: 'no-store', signal: attempt.signal,
      });
      if (response.status === 401) { become({ signedOut: true }); return; }
      if (!response.ok || response.body === null) return;
      become({ state: 'live', nextTry: null, signedOut: false });
      tries = 0;
      const parser = new SseParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(heard);
        heard = setTimeout(abort, silence);
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          if (event.id !== null) lastId = event.id;
          const read = readEvent(event.event, event.data);
          if (read !== null) for (const listener of eventListeners) listener(read);
        }
      }
    } catch {
      /* the line broke: the loop below says so and tries again */
    } finally {
      clearTimeout(heard);
      stop.signal.removeEventListener('abort', abort);
      window.removeEventListener('offline', abort);
    }
  };

  const online = (): void => { wake?.(); };
  window.addEventListener('online', online);
  void (async () => {
    while (!stop.signal.aborted) {
      await once();
      if (stop.signal.aborted) return;
      const pause = backOff(tries) * 1000;
      tries += 1;
      become({ state: 'lost', nextTry: Date.now() + pause });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        wake = () => { clearTimeout(timer); resolve(); };
        stop.signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
      });
      wake = null;
    }
  })();
  return () => { window.removeEventListener('online', online); stop.abort(); become({ state: 'connecting', nextTry: null }); };
}
