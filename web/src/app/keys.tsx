import { createContext, use, useEffect, useMemo, useRef, useSyncExternalStore, type ReactNode } from 'react';
import { latinKey, liveKey, type KeyBinding } from '@/logic/keys';
import { preferences } from './preferences';

class KeyTable {
  private layers: { bindings: readonly KeyBinding[] }[] = [];
  private listeners = new Set<() => void>();
  private shown: readonly KeyBinding[] = [];

  add(bindings: readonly KeyBinding[]): () => void {
    const layer = { bindings };
    this.layers = [...this.layers, layer];
    this.tell();
    return () => {
      this.layers = this.layers.filter((other) => other !== layer);
      this.tell();
    };
  }
  /** The newest layer wins, so a page can overrule the shell. */
  find(name: string): KeyBinding | undefined {
    return this.layers.toReversed().flatMap((layer) => layer.bindings).find((binding) => binding.key === name);
  }
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  };
  list = (): readonly KeyBinding[] => this.shown;
  private tell(): void {
    this.shown = this.layers.toReversed().flatMap((layer) => layer.bindings).filter((binding) => binding.words !== undefined);
    for (const listener of this.listeners) listener();
  }
}

const Table = createContext<KeyTable | null>(null);
const typingIn = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches('input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select') || target.isContentEditable);
const onControl = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('button, a[href], summary, [role=menuitem], [role=option], [role=switch], [role=radio], input') !== null;
const dialogOpen = (): boolean => document.querySelector('.scrim, [role=dialog], [role=alertdialog], [role=menu], [role=listbox]') !== null;

export function KeyProvider({ children }: { children: ReactNode }) {
  const table = useMemo(() => new KeyTable(), []);
  useEffect(() => {
    const down = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      const name = liveKey({
        key: latinKey(event.key, event.code), ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey, alt: event.altKey,
        typing: typingIn(event.target), dialogOpen: dialogOpen(), onControl: onControl(event.target), switchedOff: !preferences().keys,
      });
      const binding = name === null ? undefined : table.find(name);
      if (binding === undefined) return;
      event.preventDefault();
      binding.run(event);
    };
    document.addEventListener('keydown', down);
    return () => { document.removeEventListener('keydown', down); };
  }, [table]);
  return <Table value={table}>{children}</Table>;
}

function useTable(): KeyTable {
  const table = use(Table);
  if (table === null) throw new Error('keys are used outside of KeyProvider');
  return table;
}

/** Binds keys while the component is shown. Give the same keys in the same order on every render; `run` may change. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const table = useTable();
  const latest = useRef(bindings);
  useEffect(() => { latest.current = bindings; });
  const signature = bindings.map((binding) => `${binding.key}:${binding.words ?? ''}:${binding.shown ?? ''}`).join('|');
  useEffect(() => table.add(latest.current.map((binding, index) => ({
    ...binding, run: (event: KeyboardEvent) => { latest.current[index]?.run(event); },
  }))), [table, signature]);
}

export const useKeyList = (): readonly KeyBinding[] => {
  const table = useTable();
  return useSyncExternalStore(table.subscribe, table.list);
};
