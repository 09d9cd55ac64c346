// A short word about something that needs no answer. What needs an answer stands where it happened.
import { useSyncExternalStore } from 'react';

let current: { text: string; id: number } | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
const tell = (): void => { for (const listener of listeners) listener(); };

export function toast(text: string): void {
  current = { text, id: (current?.id ?? 0) + 1 };
  clearTimeout(timer);
  timer = setTimeout(() => { current = null; tell(); }, 4000);
  tell();
}

export function Toaster() {
  const now = useSyncExternalStore((listener) => { listeners.add(listener); return () => { listeners.delete(listener); }; }, () => current);
  return <div role="status" aria-live="polite" className={`toast ${now === null ? '' : 'show'}`}>{now?.text ?? ''}</div>;
}
