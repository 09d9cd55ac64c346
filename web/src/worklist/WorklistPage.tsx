import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { api, isStatus } from '@/api/client';
import { keys } from '@/api/keys';
import type { PageInfo, WorklistRow } from '@/api/types';
import { useKeys } from '@/app/keys';
import { hrefOf, navigate, setQuery, useAddressQuery, useLocation } from '@/app/router';
import { useHasRole, useSession } from '@/app/session';
import { toast } from '@/app/toast';
import { patientTitle } from '@/logic/names';
import { doors, isMine, nextCases, readFilters } from '@/logic/worklist';
import { t } from '@/messages';
import { EmptyState, FailureState, failureWords, Kbd } from '@/ui/pieces';
import { ReasonDialog } from '@/ui/ReasonDialog';
import { clearFilters, FilterBar, goTo, noFilters } from './FilterBar';
import { Foot } from './Foot';
import { HoldStrip } from './Strip';
import { ListTable, Skeleton, type TableHandle } from './Table';
import { useHand, useHeld, useNow, useOpenTotal, useWorklist } from './useReadingList';
import { isPlain, SavedViews, useViews } from './Views';
import { canPutBack, WhyPanel } from './WhyPanel';

const wide = window.matchMedia('(min-width: 1501px), (max-aspect-ratio: 1/1) and (min-width: 1200px)');
const useWide = (): boolean => useSyncExternalStore((listener) => { wide.addEventListener('change', listener); return () => { wide.removeEventListener('change', listener); }; }, () => wide.matches);
const tries = 5;
const mostForFilters = 2000;

function useLong(waiting: boolean): boolean {
  const [long, setLong] = useState(false);
  useEffect(() => {
    if (!waiting) { setLong(false); return undefined; }
    const timer = setTimeout(() => { setLong(true); }, 4000);
    return () => { clearTimeout(timer); };
  }, [waiting]);
  return long;
}

export function WorklistPage() {
  const client = useQueryClient();
  const { user } = useSession();
  const reader = useHasRole('reader', 'screening_reader');
  const me = useMemo(() => new Set([user.name, user.display]), [user.name, user.display]);
  const address = useLocation();
  const query = useAddressQuery();
  const search = query.toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(search)), [search]);
  const compare = query.get('compare') === '1';

  const list = useWorklist(filters, me);
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = list.query;
  const ordered = useMemo(() => (compare ? list.rows.toSorted((a, b) => a.place_without_ai - b.place_without_ai) : list.rows), [list.rows, compare]);
  const scroller = useRef<HTMLDivElement>(null);
  const table = useRef<TableHandle>(null);
  const hand = useHand(scroller);
  const held = useHeld(ordered, `${search} ${list.query.isPlaceholderData ? 'old' : ''}`, hand, list.pages);
  const { rows } = held;
  const now = useNow(list.skew);
  const views = useViews();
  const isWide = useWide();
  const [panel, setPanel] = useState<boolean | null>(null);
  const panelOpen = panel ?? isWide;

  // ---- selection: always one row, the one that stood there when the selected one leaves
  const [chosen, setChosen] = useState<string | null>(null);
  const at = useRef(0);
  const index = rows.findIndex((row) => row.study_uid === chosen);
  const selected = rows[index] ?? rows[Math.min(at.current, rows.length - 1)] ?? null;
  useEffect(() => { if (index >= 0) at.current = index; });
  const select = useCallback((study: string) => { setChosen(study); if (!wide.matches) setPanel(true); }, []);
  const open = useCallback((study: string) => { navigate(hrefOf({ page: 'study', studyUid: study })); }, []);
  const move = (to: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row === undefined) return;
    setChosen(row.study_uid);
    table.current?.focus(row.study_uid);
  };
  const step = (by: number): void => { move(chosen === null || index < 0 ? (by > 0 ? 0 : rows.length - 1) : index + by); };

  const end = useCallback(() => { if (hasNextPage && !isFetchingNextPage) void fetchNextPage(); }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  // Filters of this page look at what is here; fetch on until something is found or enough was seen.
  useEffect(() => { if (list.local && list.rows.length < 60 && list.loaded.length < mostForFilters) end(); }, [list.local, list.rows.length, list.loaded.length, end]);

  // ---- acts
  const [backing, setBacking] = useState<WorklistRow | null>(null);
  const [busy, setBusy] = useState(false);
  const again = useCallback(() => client.invalidateQueries({ queryKey: keys.worklist }), [client]);
  const takeNext = async (): Promise<void> => {
    if (busy || !reader) return;
    setBusy(true);
    try {
      const free = nextCases(list.rows, me).slice(0, tries);
      for (const row of free) {
        try {
          await api.claim(row.study_uid);
          open(row.study_uid);
          return;
        } catch (error) {
          if (!isStatus(error, 409)) { toast(t('claim.failed', { said: failureWords(error).text })); return; }
          toast(t('list.next.quicker', { name: row.with?.name ?? patientTitle(row.patient) }));
        }
      }
      toast(t('list.next.none', { n: list.rows.length }));
      await again();
    } finally {
      setBusy(false);
    }
  };
  const take = async (): Promise<void> => {
    if (selected === null || !reader || (selected.with !== null && !isMine(selected, me))) return;
    try {
      if (selected.with === null) await api.claim(selected.study_uid);
      else await api.release(selected.study_uid);
    } catch (error) {
      toast(t('claim.failed', { said: failureWords(error).text }));
    }
    await again();
  };
  const takeOver = async (): Promise<void> => {
    if (selected === null) return;
    try { await api.claim(selected.study_uid, true); } catch (error) { toast(t('claim.failed', { said: failureWords(error).text })); }
    await again();
  };
  const raiseAgain = async (): Promise<void> => {
    if (selected === null) return;
    try { await api.raiseAgain(selected.study_uid); } catch (error) { toast(failureWords(error).text); }
    await again();
  };
  const close = (): void => { setPanel(false); if (chosen !== null) table.current?.focus(chosen); };

  const noop = (): void => undefined;
  const goView = (n: number): void => { const view = views[n]; if (view !== undefined) navigate(hrefOf({ page: 'worklist' }, view.search)); };
  useKeys([
    { key: 'ArrowDown', words: t('list.key.row'), shown: '↓ ↑', run: () => { step(1); } },
    { key: 'ArrowUp', run: () => { step(-1); } },
    { key: 'PageDown', run: () => { step(20); } },
    { key: 'PageUp', run: () => { step(-20); } },
    { key: 'Home', run: () => { move(0); } },
    { key: 'End', run: () => { move(rows.length - 1); } },
    { key: 'Enter', words: t('list.key.open'), shown: 'Enter', run: () => { if (selected !== null) open(selected.study_uid); } },
    { key: 'n', words: t('list.key.next'), run: () => { void takeNext(); } },
    { key: 'i', words: t('list.key.why'), run: () => { if (panelOpen) close(); else setPanel(true); } },
    { key: 'g', words: t('list.key.show'), run: held.show },
    { key: 't', words: t('list.key.take'), run: () => { void take(); } },
    { key: 'b', words: t('list.key.back'), run: () => { if (!reader || selected === null) return; if (selected.put_back !== null) void raiseAgain(); else if (canPutBack(selected)) setBacking(selected); } },
    { key: 'o', words: t('list.key.compare'), run: () => { setQuery({ compare: compare ? null : '1' }); } },
    { key: 'f', words: t('list.key.filters'), run: () => { document.querySelector<HTMLElement>('.filters button')?.focus(); } },
    { key: '1', words: t('list.key.view'), shown: '1 – 7', run: () => { goView(0); } },
    ...['2', '3', '4', '5', '6', '7'].map((key, n) => ({ key, run: () => { goView(n + 1); } })),
    { key: 'Escape', words: t('list.key.leave'), shown: 'Esc', run: () => { if (panelOpen && !isWide) close(); else if (document.activeElement instanceof HTMLElement) document.activeElement.blur(); } },
  ]);

  const waiting = list.query.isPending;
  // The study desk is a large file of its own: fetched while the list is read, so that opening a case does not wait for it.
  const shown = !waiting && rows.length > 0;
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => { void import('@/study/StudyPage').catch(() => undefined); }, 1500);
    return () => { clearTimeout(timer); };
  }, [shown]);
  const plain = isPlain({ ...filters, sort: 'place' }) && !list.query.isPlaceholderData;
  const openTotal = useOpenTotal(plain && !waiting ? list.total : null);
  const long = useLong(waiting);
  const whole = isPlain(filters) && !hasNextPage && !list.query.isPlaceholderData && !waiting ? list.loaded : null;
  const lastWhole = useRef<readonly WorklistRow[] | null>(null);
  useEffect(() => { if (whole !== null) lastWhole.current = whole; });
  const pageInfo = client.getQueryData<PageInfo>(keys.page);
  const door = doors(list.loaded, filters, me)[0];
  const nothing = !waiting && !list.query.isError && rows.length === 0 && !isFetchingNextPage;

  return (
    <main className={`wl ${panelOpen ? '' : 'no-why'}`}>
      <div className="title">
        <h1 className="nowrap">{t('list.title')}</h1>
        <SavedViews views={views} filters={filters} whole={whole ?? lastWhole.current} present={waiting ? null : list.local ? list.rows.length : list.total} me={me} />
        <span className="grow" />
        {reader ? <button type="button" className="btn primary" aria-keyshortcuts="N" disabled={busy} onClick={() => { void takeNext(); }}>{t('list.next')} <Kbd>N</Kbd></button> : null}
      </div>
      <FilterBar filters={filters} rows={list.loaded} address={address} />
      <HoldStrip arrivals={held.arrivals} moved={held.moved} compare={compare} asOf={list.query.dataUpdatedAt} onShow={held.show} />
      <div className="scroller" ref={scroller}>
        {waiting ? <Skeleton long={long} /> : list.query.isError && rows.length === 0
          ? isStatus(list.query.error, 403) ? <EmptyState title={t('house.forbidden')}>{t('house.forbidden.body')}</EmptyState> : <FailureState error={list.query.error} title={t('list.error')} safe={t('list.error.safe')} retry={() => void list.query.refetch()} />
          : (
            <ListTable rows={rows} gone={held.gone} fresh={held.fresh} total={list.local ? rows.length : Math.max(list.total, rows.length)} selected={selected?.study_uid ?? null} me={me} now={now} compare={compare}
              scroller={scroller} handle={table} onSelect={select} onOpen={open} onEnd={list.local ? noop : end}
              loading={isFetchingNextPage ? t('list.more', { n: list.loaded.length, total: list.total }) : null} />
          )}
        {!nothing ? null : noFilters(filters)
          ? <EmptyState title={t('list.empty')} actions={<a className="btn primary" href={hrefOf({ page: 'upload' })}>{t('list.add')}</a>}>{t('list.empty.body', { ae: pageInfo?.ae_title ?? t('app.name') })}</EmptyState>
          : filters.with === 'me' && filters.tools.length === 0
            ? <EmptyState title={t('list.empty.mine')} actions={<>{reader ? <button type="button" className="btn primary" onClick={clearFilters}>{t('list.view.all')}</button> : null}</>}>{t('list.empty.mine.body', { n: list.total })}</EmptyState>
            : (
              <EmptyState title={t('list.nothing')} actions={<>
                {door === undefined ? null : <button type="button" className="btn" onClick={() => { goTo(door.name === 'tools' ? { ...filters, tools: [] } : { ...filters, with: null }); }}>{t('list.nothing.drop', { filter: t(`list.filter.${door.name}`) })}</button>}
                <button type="button" className="btn quiet" onClick={clearFilters}>{t('list.nothing.clear')}</button>
              </>}>{door === undefined ? undefined : t('list.nothing.door', { filter: t(`list.filter.${door.name}`), n: door.n })}</EmptyState>
            )}
      </div>
      <WhyPanel row={selected} total={openTotal} now={now} me={me} reader={reader} open={panelOpen} onClose={close}
        onPutBack={() => { setBacking(selected); }} onRaiseAgain={() => { void raiseAgain(); }} onTake={() => { void take(); }} onTakeOver={() => { void takeOver(); }} />
      <Foot rows={rows} filters={filters} total={list.total} loaded={list.loaded.length} partial={list.local} now={now} />
      {backing === null ? null : (
        <ReasonDialog list="put_back" title={t('putback.title', { who: patientTitle(backing.patient), place: backing.place_without_ai })} act={t('putback.act')} onClose={() => { setBacking(null); }}
          onAct={async (reason, comment) => { await api.putBack(backing.study_uid, reason.code, comment); toast(t('putback.done', { who: patientTitle(backing.patient) })); await again(); }}>
          <p className="tiny">{t('putback.note')}</p>
        </ReasonDialog>
      )}
    </main>
  );
}
