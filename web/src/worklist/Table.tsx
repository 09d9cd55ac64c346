import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type RefObject } from 'react';
import type { WorklistRow } from '@/api/types';
import { isMine, type Me } from '@/logic/worklist';
import { t } from '@/messages';
import { Cells } from './cells';

const rowHeight = (): number => Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--h-row')) || 32;

export interface TableHandle { focus: (study: string) => void }

export function ListTable({ rows, gone, fresh, total, selected, me, now, compare, scroller, handle, loading, onSelect, onOpen, onEnd }: {
  rows: readonly WorklistRow[];
  gone: ReadonlySet<string>;
  fresh: ReadonlySet<string>;
  total: number;
  selected: string | null;
  me: Me;
  now: number;
  compare: boolean;
  scroller: RefObject<HTMLDivElement | null>;
  handle: RefObject<TableHandle | null>;
  /** words of the last row while a further page comes, or null */
  loading: string | null;
  onSelect: (study: string) => void;
  onOpen: (study: string) => void;
  onEnd: () => void;
}) {
  const height = rowHeight();
  const wanted = useRef<string | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
    scrollPaddingEnd: 30,
    initialRect: { width: 1200, height: 900 },
    getItemKey: (index) => rows[index]?.study_uid ?? index,
  });
  const items = virtual.getVirtualItems();
  const top = items[0]?.start ?? 0;
  const bottom = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  useEffect(() => {
    handle.current = {
      focus: (study) => {
        wanted.current = study;
        const index = rows.findIndex((row) => row.study_uid === study);
        if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
        const row = scroller.current?.querySelector<HTMLElement>(`tr[data-study="${CSS.escape(study)}"]`);
        if (row) { row.focus({ preventScroll: true }); wanted.current = null; }
      },
    };
  });
  // A row far away is drawn first and focused then.
  useEffect(() => {
    if (wanted.current === null) return;
    const row = scroller.current?.querySelector<HTMLElement>(`tr[data-study="${CSS.escape(wanted.current)}"]`);
    if (row) { row.focus({ preventScroll: true }); wanted.current = null; }
  });
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => { if (last >= rows.length - 40) onEnd(); }, [last, rows.length, onEnd]);

  const stop = rows.some((row) => row.study_uid === selected) ? selected : (rows[0]?.study_uid ?? null);
  return (
    <table className="wlt" role="grid" aria-label={t('list.table')} aria-rowcount={total + 1}>
      <colgroup>
        <col className="c-place" /><col className="c-lv" /><col className="c-pat" /><col /><col className="c-rec x-wide" /><col className="c-img x-wide" /><col className="c-ord" />
        <col className="c-ai" /><col className="c-wait" /><col className="c-why" /><col className="c-rev" /><col className="c-tools" /><col className="c-with" />
      </colgroup>
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" title={t('list.col.place.why')}>{t('list.col.place')} <small>{t('list.col.ai')}</small></th>
          <th scope="col" title={t('list.col.level')}>{t('list.col.level')}</th>
          <th scope="col" title={t('list.col.patient')}>{t('list.col.patient')}</th>
          <th scope="col" title={t('list.col.study')}>{t('list.col.study')}</th>
          <th scope="col" className="x-wide" title={t('list.col.received')}>{t('list.col.received')}</th>
          <th scope="col" className="x-wide" title={t('list.col.images')}>{t('list.col.images')}</th>
          <th scope="col" title={t('list.col.ordered.why')}>{t('list.col.ordered')}</th>
          <th scope="col" title={t('list.col.suggests.why')}>{t('list.col.suggests')}</th>
          <th scope="col" title={t('list.col.waiting')}>{t('list.col.waiting')} <small>· {t('list.col.limits')}</small></th>
          <th scope="col" title={t('list.col.why')}>{t('list.col.why')}</th>
          <th scope="col" title={t('list.col.proposed')}>{t('list.col.proposed')}</th>
          <th scope="col" title={t('list.col.tools')}>{t('list.col.tools')}</th>
          <th scope="col" title={t('list.col.with')}>{t('list.col.with')}</th>
        </tr>
      </thead>
      <tbody>
        {top > 0 ? <tr aria-hidden="true" className="space"><td style={{ height: top }} /></tr> : null}
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const above = rows[item.index - 1];
          const away = gone.has(row.study_uid);
          const classes = [
            above !== undefined && !compare && above.level !== row.level ? 'cut-lv' : '',
            away || (row.with !== null && !isMine(row, me)) ? 'locked' : '',
            fresh.has(row.study_uid) ? 'fresh' : '',
          ].filter((name) => name !== '').join(' ');
          return (
            <tr key={item.key} data-study={row.study_uid} className={classes} tabIndex={row.study_uid === stop ? 0 : -1} aria-rowindex={item.index + 2}
              aria-selected={row.study_uid === selected} onClick={() => { onSelect(row.study_uid); }} onDoubleClick={() => { onOpen(row.study_uid); }}>
              <Cells row={row} now={now} me={me} gone={away} compare={compare} />
            </tr>
          );
        })}
        {bottom > 0 ? <tr aria-hidden="true" className="space"><td style={{ height: bottom }} /></tr> : null}
        {loading === null ? null : <tr><td className="dim more-row">{loading}</td></tr>}
      </tbody>
    </table>
  );
}

const widths = [14, 62, 96, 150, 48, 60, 130, 90, 140, 70];
/** Bars in place of rows: head and filters stand at once, never a spinner over an old list. */
export function Skeleton({ long }: { long: boolean }) {
  return (
    <div role="status" aria-label={t('list.loading')}>
      {long ? <p className="sk-words">{t('list.loading.long')}</p> : null}
      {Array.from({ length: 12 }, (_, line) => (
        <div key={line} className="sk-row" aria-hidden="true">{widths.map((width, index) => <span key={width} className="sk" style={{ width: width - ((line * 7 + index * 5) % 11) }} />)}</div>
      ))}
    </div>
  );
}
