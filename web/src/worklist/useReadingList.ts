import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { WorklistRow } from '@/api/types';
import { freshOf, holdRows, nodeQuery, passes, plainFilters, type Arrivals, type Filters, type Me } from '@/logic/worklist';

const pageSize = 200;
const idleAfter = 60_000;
const markFor = 1600;

/** The node's list for the filters of the address, page by page, and the node's clock. */
export function useWorklist(filters: Filters, me: Me) {
  const asked = nodeQuery(filters, pageSize, null).toString();
  const query = useInfiniteQuery({
    queryKey: [...keys.worklist, asked],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => api.worklist(nodeQuery(filters, pageSize, pageParam), signal),
    getNextPageParam: (last) => last.next,
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
  const pages = query.data?.pages;
  const loaded = useMemo(() => {
    const seen = new Set<string>();
    return (pages ?? []).flatMap((page) => page.rows).filter((row) => !seen.has(row.study_uid) && seen.add(row.study_uid));
  }, [pages]);
  const local = filters.tools.length > 0 || filters.with !== null;
  const rows = useMemo(() => (local ? loaded.filter((row) => passes(row, filters, me)) : loaded), [loaded, local, filters, me]);
  const first = pages?.[0];
  // The page's clock may be wrong; waits are counted by the node's.
  const skew = useMemo(() => (first === undefined ? 0 : Date.parse(first.as_of) - query.dataUpdatedAt), [first, query.dataUpdatedAt]);
  return { query, asked, loaded, rows, local, total: first?.total ?? 0, skew: Number.isFinite(skew) && Math.abs(skew) > 2000 ? skew : 0, pages: pages?.length ?? 0 };
}

/** How many studies stand in the whole open list: a place is a place in that, whatever is filtered here. */
export function useOpenTotal(known: number | null): number | null {
  const whole = useQuery({
    queryKey: [...keys.worklist, 'total'],
    queryFn: ({ signal }) => api.worklist(nodeQuery(plainFilters, 1, null), signal),
    enabled: known === null,
    staleTime: 30_000,
  });
  return known ?? whole.data?.total ?? null;
}

export function useNow(skew: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => { setNow(Date.now()); }, 10_000);
    return () => { clearInterval(timer); };
  }, []);
  return now + skew;
}

/** True while the pointer or the focus is in the element and somebody is there: after a minute without input nothing is held. */
export function useHand(area: RefObject<HTMLElement | null>): boolean {
  const [pointer, setPointer] = useState(false);
  const [focus, setFocus] = useState(false);
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    const element = area.current;
    if (element === null) return undefined;
    const enter = (event: PointerEvent): void => { if (event.pointerType !== 'touch') setPointer(true); };
    const leave = (): void => { setPointer(false); };
    const focusIn = (): void => { setFocus(true); };
    const focusOut = (event: FocusEvent): void => { if (!(event.relatedTarget instanceof Node && element.contains(event.relatedTarget))) setFocus(false); };
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointermove', enter);
    element.addEventListener('pointerleave', leave);
    element.addEventListener('focusin', focusIn);
    element.addEventListener('focusout', focusOut);
    let timer: ReturnType<typeof setTimeout>;
    const alive = (): void => {
      clearTimeout(timer);
      setIdle(false);
      timer = setTimeout(() => { setIdle(true); }, idleAfter);
    };
    alive();
    const inputs = ['pointermove', 'pointerdown', 'keydown', 'wheel'] as const;
    for (const input of inputs) document.addEventListener(input, alive, { passive: true });
    return () => {
      clearTimeout(timer);
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointermove', enter);
      element.removeEventListener('pointerleave', leave);
      element.removeEventListener('focusin', focusIn);
      element.removeEventListener('focusout', focusOut);
      for (const input of inputs) document.removeEventListener(input, alive);
    };
  }, [area]);
  return (pointer || focus) && !idle;
}

const nobody: Arrivals = { total: 0, byLevel: { immediate: 0, urgent: 0, soon: 0, routine: 0 } };
const none: ReadonlySet<string> = new Set();

export interface Held { rows: readonly WorklistRow[]; gone: ReadonlySet<string>; fresh: ReadonlySet<string>; arrivals: Arrivals; moved: boolean; show: () => void }

/** Keeps the order of what is shown while `hand` is in the list. `view` names what was asked: another question releases at once. */
export function useHeld(latest: readonly WorklistRow[], view: string, hand: boolean, pages: number): Held {
  const [base, setBase] = useState<{ view: string; rows: readonly WorklistRow[]; pages: number } | null>(null);
  const [fresh, setFresh] = useState(none);
  const shown = useRef<{ view: string; rows: readonly WorklistRow[] }>({ view, rows: latest });

  useLayoutEffect(() => {
    if (!hand) setBase(null);
    else setBase((old) => {
      if (old !== null && old.view === view && old.pages === pages) return old;
      // Scrolled further: the next page joins at the end.
      if (old !== null && old.view === view) return { view, pages, rows: [...old.rows, ...latest.filter((row) => !old.rows.some((known) => known.study_uid === row.study_uid))] };
      return latest.length === 0 ? null : { view, pages, rows: latest };
    });
  }, [hand, view, pages, latest]);

  const mark = useCallback((marked: ReadonlySet<string>) => {
    if (marked.size === 0) return;
    setFresh(marked);
    setTimeout(() => { setFresh(none); }, markFor);
  }, []);

  const held = hand && base !== null && base.view === view ? holdRows(base.rows, latest) : null;
  const rows = held?.rows ?? latest;
  useEffect(() => {
    const before = shown.current;
    shown.current = { view, rows };
    if (held === null && before.view === view && before.rows.length > 0 && before.rows !== rows) mark(freshOf(before.rows, rows));
  });

  const show = useCallback(() => {
    mark(base === null ? none : freshOf(base.rows, latest));
    setBase((old) => (old === null ? null : { ...old, rows: latest }));
  }, [base, latest, mark]);
  return { rows, gone: held?.gone ?? none, fresh, arrivals: held?.arrivals ?? nobody, moved: held?.moved ?? false, show };
}
