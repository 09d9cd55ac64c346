import { useState, useSyncExternalStore } from 'react';
import type { WorklistRow } from '@/api/types';
import { hrefOf } from '@/app/router';
import { count } from '@/logic/format';
import { passes, plainFilters, readFilters, writeFilters, type Filters, type Me } from '@/logic/worklist';
import { t } from '@/messages';
import { Dialog } from '@/ui/Dialog';
import { Icon } from '@/ui/icons';

export interface View { name: string; search: string; own: boolean }

const place = 'vedette.views';
const listeners = new Set<() => void>();
let cached: View[] | null = null;

function stored(): View[] {
  if (cached !== null) return cached;
  try {
    const value: unknown = JSON.parse(window.localStorage.getItem(place) ?? '[]');
    cached = Array.isArray(value) ? value.flatMap((item: unknown) => {
      const view = item as Partial<View> | null;
      return typeof view?.name === 'string' && typeof view.search === 'string' ? [{ name: view.name, search: writeFilters(readFilters(new URLSearchParams(view.search))).toString(), own: true }] : [];
    }) : [];
  } catch {
    cached = [];
  }
  return cached;
}
function store(views: View[]): void {
  cached = views;
  try { window.localStorage.setItem(place, JSON.stringify(views)); } catch { /* lasts until the page is left */ }
  for (const listener of listeners) listener();
}

const builtIn = (): View[] => [
  { name: t('list.view.all'), search: '', own: false },
  { name: t('list.view.mine'), search: 'with=me', own: false },
  { name: t('list.view.urgent'), search: 'level=immediate%2Curgent', own: false },
  { name: t('list.view.pet'), search: 'modality=PT', own: false },
  { name: t('list.view.proposed'), search: 'tools=proposed', own: false },
  { name: t('list.view.trouble'), search: 'tools=refused%2Cfailed', own: false },
  { name: t('list.view.signed'), search: 'status=signed', own: false },
];

export function useViews(): View[] {
  const own = useSyncExternalStore((listener) => { listeners.add(listener); return () => { listeners.delete(listener); }; }, stored);
  return [...builtIn(), ...own];
}

/** How many rows of the whole open list a view holds; null where this page cannot know. */
function countOf(view: View, whole: readonly WorklistRow[] | null, me: Me): number | null {
  if (whole === null) return null;
  const filters = readFilters(new URLSearchParams(view.search));
  if (filters.status !== 'open' || filters.search !== '') return null;
  return whole.filter((row) => (filters.level.length === 0 || filters.level.includes(row.level))
    && (filters.modality.length === 0 || row.modalities.some((modality) => filters.modality.includes(modality))) && passes(row, filters, me)).length;
}

export function SavedViews({ views, filters, whole, present, me }: { views: readonly View[]; filters: Filters; whole: readonly WorklistRow[] | null; present: number | null; me: Me }) {
  const [naming, setNaming] = useState(false);
  const here = writeFilters(filters).toString();
  const own = views.find((view) => view.own && view.search === here);
  return (
    <nav className="views" aria-label={t('list.views')}>
      {views.map((view) => {
        const current = view.search === here;
        const n = current ? present : countOf(view, whole, me);
        return (
          <a key={`${view.name} ${view.search}`} href={hrefOf({ page: 'worklist' }, view.search)} {...(current ? { 'aria-current': 'page' as const } : {})}>
            {view.name}{n === null ? null : <span>{count(n)}</span>}
          </a>
        );
      })}
      {own !== undefined ? <button type="button" className="btn quiet sq" aria-label={t('list.view.forget')} title={t('list.view.forget')} onClick={() => { store(stored().filter((view) => view !== own)); }}><Icon name="x" small /></button>
        : views.some((view) => view.search === here) ? null
          : <button type="button" className="btn quiet sq" aria-label={t('list.view.save')} title={t('list.view.save')} onClick={() => { setNaming(true); }}><Icon name="plus" small /></button>}
      {naming ? <NameView onClose={() => { setNaming(false); }} onName={(name) => { store([...stored(), { name, search: here, own: true }]); setNaming(false); }} /> : null}
    </nav>
  );
}

function NameView({ onClose, onName }: { onClose: () => void; onName: (name: string) => void }) {
  const [name, setName] = useState('');
  return (
    <Dialog open title={t('list.view.save')} onClose={onClose}>
      <form className="bd" onSubmit={(event) => { event.preventDefault(); if (name.trim() !== '') onName(name.trim()); }}>
        <label className="label">{t('list.view.name')}<input className="input" autoFocus value={name} maxLength={40} onChange={(event) => { setName(event.target.value); }} /></label>
        <p className="tiny">{t('list.view.note')}</p>
        <div className="acts"><button type="submit" className="btn primary" disabled={name.trim() === ''}>{t('list.view.store')}</button><button type="button" className="btn" onClick={onClose}>{t('action.cancel')}</button></div>
      </form>
    </Dialog>
  );
}

export const isPlain = (filters: Filters): boolean => writeFilters(filters).toString() === writeFilters(plainFilters).toString();
