// What a person set on this screen: theme and single keys. Kept by the browser; a private window simply forgets it.
import { useSyncExternalStore } from 'react';

export type Theme = 'dark' | 'light';
interface Preferences { theme: Theme; keys: boolean }

const name = 'vedette.screen';
const listeners = new Set<() => void>();

function read(): Preferences {
  const asked = new URLSearchParams(window.location.search);
  let stored: Partial<Preferences> = {};
  try { stored = JSON.parse(window.localStorage.getItem(name) ?? '{}') as Partial<Preferences>; } catch { /* storage is closed or holds something else */ }
  const theme = asked.get('theme') ?? stored.theme;
  return { theme: theme === 'light' ? 'light' : 'dark', keys: asked.get('keys') === 'off' ? false : stored.keys !== false };
}

let current: Preferences = { theme: 'dark', keys: true };
function apply(): void {
  document.documentElement.dataset['theme'] = current.theme;
  document.documentElement.dataset['keys'] = current.keys ? 'on' : 'off';
}
export function startPreferences(): void {
  current = read();
  apply();
}
export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try { window.localStorage.setItem(name, JSON.stringify(current)); } catch { /* not kept, still in force */ }
  apply();
  for (const listener of listeners) listener();
}
export const preferences = (): Preferences => current;
export const usePreferences = (): Preferences => useSyncExternalStore(
  (listener) => { listeners.add(listener); return () => { listeners.delete(listener); }; },
  preferences,
);
