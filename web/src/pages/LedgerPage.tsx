import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { LedgerRow } from '@/api/types';
import { useKeys } from '@/app/keys';
import { hrefOf, setQuery, useAddressQuery } from '@/app/router';
import '@/styles/house.css';
import { clockSeconds, count, dateTime, dayMonth, when } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { Gate } from './Gate';

type Voice = 'tool' | 'person' | 'node';
/** Who speaks in a row, as the ledger writes actors: "tool:id@version", a pseudonym, "node". */
function voiceOf(actor: string): { voice: Voice; name: string } {
  const [kind, ...rest] = actor.split(':');
  const name = rest.join(':');
  if (kind === 'tool') return { voice: 'tool', name: (name === '' ? actor : name).replace('@', ' ') };
  if (actor === '' || kind === 'node' || kind === 'system') return { voice: 'node', name: t('ledger.node') };
  return { voice: 'person', name: name === '' ? actor : name };
}
/** Enough of a pseudonym to tell people apart; the whole one is in the title and in the stored row. */
const pseudonym = (name: string): string => name.replace(/^([a-z]+-\w{6})\w{8,}$/, '$1…');
function Who({ actor }: { actor: string }) {
  const { voice, name } = voiceOf(actor);
  if (voice === 'tool') return <span className="ai"><Icon name="flag" small /> {name}</span>;
  return voice === 'person' ? <b className="strong" title={name}>{pseudonym(name)}</b> : <span className="sec">{name}</span>;
}

const short = (hash: string): string => (hash.length > 12 ? `${hash.slice(0, 4)}…${hash.slice(-2)}` : hash);
const grouped = (hash: string): string => (hash.length > 16 ? `${hash.slice(0, 4)} ${hash.slice(4, 8)} … ${hash.slice(-4)}` : hash);
const studyOf = (row: LedgerRow): string | null => {
  const details = row.details;
  if (typeof details !== 'object' || details === null) return null;
  const uid = (details as Record<string, unknown>)['study_uid'];
  return typeof uid === 'string' ? uid : null;
};

function Detail({ row, after }: { row: LedgerRow; after: LedgerRow | undefined }) {
  const study = studyOf(row);
  return (
    <aside className="det" aria-label={t('ledger.row', { n: row.seq, kind: row.kind })}>
      <section><div className="row"><h2>{t('ledger.row', { n: row.seq, kind: row.kind })}</h2><span className="grow" />{study === null ? null : <a className="btn" href={hrefOf({ page: 'study', studyUid: study })}>{t('ledger.open')}</a>}</div><p className="tiny gap-top"><Said>{row.text}</Said></p></section>
      <section><dl className="kv"><dt>{t('ledger.when')}</dt><dd>{dateTime(row.at)}</dd><dt>{t('ledger.who')}</dt><dd><Who actor={row.actor} /></dd><dt>{t('ledger.about')}</dt><dd className="mono break">{row.subject ?? '–'}</dd></dl></section>
      <section><h3>{t('ledger.stored')}</h3><pre>{JSON.stringify(row.details, null, 2)}</pre></section>
      <section>
        <h3>{t('ledger.place')}</h3>
        <div className="lnk">
          <span className="dim">{t('ledger.before')}</span><span className="mono">{grouped(row.previous)}</span><u />
          <b>{count(row.seq)}</b><span className="mono me">{grouped(row.hash)}</span>
          {after === undefined ? null : <><u /><span className="dim">{count(after.seq)}</span><span className="mono">{grouped(after.hash)}</span></>}
        </div>
        <p className="tiny gap-top">{after === undefined ? t('ledger.links.head') : after.previous === row.hash ? t('ledger.links.same') : <b className="danger-ink">{t('ledger.links.differs')}</b>}</p>
      </section>
    </aside>
  );
}

export default function LedgerPage() {
  const query = useAddressQuery();
  const subject = query.get('subject') ?? '';
  const kind = query.get('kind') ?? '';
  const [typed, setTyped] = useState<string | null>(null);
  const ledger = useInfiniteQuery({
    queryKey: [...keys.ledger, subject],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const asked = new URLSearchParams({ limit: '200' });
      if (subject !== '') asked.set('subject', subject);
      if (pageParam !== null) asked.set('cursor', pageParam);
      return api.ledger(asked, signal);
    },
    getNextPageParam: (last) => last.next,
  });
  const all = ledger.data?.pages.flatMap((page) => page.rows) ?? [];
  const kinds = [...new Set(all.map((row) => row.kind.split('.')[0] ?? row.kind))].toSorted();
  const rows = all.filter((row) => kind === '' || row.kind.startsWith(kind));
  const verified = ledger.data?.pages[0]?.verified ?? null;
  const [seq, setSeq] = useState<number | null>(null);
  const chosen = rows.find((row) => row.seq === seq) ?? rows[0];
  const step = (by: number): void => {
    const next = rows[Math.max(0, Math.min(rows.length - 1, rows.findIndex((row) => row === chosen) + by))];
    if (next === undefined) return;
    setSeq(next.seq);
    document.querySelector<HTMLElement>(`tr[data-seq="${next.seq}"]`)?.focus();
  };
  useKeys([
    { key: 'ArrowDown', words: t('ledger.key.row'), shown: '↓ ↑', run: () => { step(1); } },
    { key: 'ArrowUp', run: () => { step(-1); } },
  ]);

  return (
    <main className="lg">
      <div className="ttl">
        <h1>{t('ledger.title')}</h1>
        {verified === null ? null : verified.at === null ? <span className="badge">{t('ledger.unverified')}</span> : verified.ok
          ? <span className="badge person"><Icon name="check" />{t('ledger.whole', { n: verified.rows, at: when(verified.at) })}</span>
          : <span className="badge danger" role="alert"><Icon name="failed" />{t('ledger.broken', { fault: verified.first_fault ?? '' })}</span>}
      </div>
      <div className="flt">
        <form className="row" role="search" aria-label={t('ledger.subject')} onSubmit={(event) => { event.preventDefault(); setQuery({ subject: typed ?? subject }); setTyped(null); }}>
          <input className="input w-subject" aria-label={t('ledger.subject')} placeholder={t('ledger.subject.hint')} value={typed ?? subject} onChange={(event) => { setTyped(event.target.value); }} />
          <button type="submit" className="btn">{t('ledger.subject.go')}</button>
        </form>
        <span className="row wrap" role="group" aria-label={t('ledger.kinds')}>
          <button type="button" className={`chip ${kind === '' ? 'on' : ''}`} aria-pressed={kind === ''} onClick={() => { setQuery({ kind: null }); }}>{t('ledger.every')}</button>
          {kinds.map((name) => <button key={name} type="button" className={`chip ${kind === name ? 'on' : ''}`} aria-pressed={kind === name} onClick={() => { setQuery({ kind: kind === name ? null : name }); }}>{name}</button>)}
        </span>
      </div>
      <div className="sc">
        <Gate asked={ledger} title={t('ledger.error')}>
          {() => (rows.length === 0 ? <EmptyState title={t('ledger.empty')} /> : (
            <>
              <table className="t" role="grid" aria-label={t('ledger.table')}>
                <thead><tr><th scope="col" className="ch-h"><span className="vh">{t('ledger.chain')}</span></th><th scope="col" className="num">{t('ledger.col.row')}</th><th scope="col">{t('ledger.col.time')}</th><th scope="col">{t('ledger.col.who')}</th><th scope="col">{t('ledger.col.what')}</th><th scope="col">{t('ledger.col.words')}</th><th scope="col" className="x">{t('ledger.col.about')}</th><th scope="col">{t('ledger.col.hash')}</th></tr></thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.seq} data-seq={row.seq} tabIndex={row === chosen ? 0 : -1} aria-selected={row === chosen} onClick={() => { setSeq(row.seq); }} onFocus={() => { setSeq(row.seq); }}>
                      <td className="ch" /><td className="num sec">{count(row.seq)}</td>
                      <td className="sec">{new Date(row.at).toDateString() === new Date().toDateString() ? '' : `${dayMonth(row.at)} `}{clockSeconds(row.at)}</td>
                      <td><Who actor={row.actor} /></td><td>{row.kind}</td><td className="sec cut w-words" title={row.text}><Said>{row.text}</Said></td><td className="x cut w-about mono" title={row.subject ?? undefined}>{row.subject === null ? '–' : pseudonym(row.subject)}</td><td className="dim mono">{short(row.hash)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {ledger.hasNextPage ? <button type="button" className="btn more" disabled={ledger.isFetchingNextPage} onClick={() => { void ledger.fetchNextPage(); }}>{t('house.more')}</button> : null}
            </>
          ))}
        </Gate>
      </div>
      <div className="ft"><span>{t('ledger.foot.order')}</span><span>{t('ledger.foot.rule')}</span><span className="hd-hide"><Icon name="flag" small /> {t('ledger.foot.voices')}</span><span className="grow" /><span className="hd-hide">{t('ledger.foot.private')}</span></div>
      {chosen === undefined ? null : <Detail row={chosen} after={all.find((row) => row.seq === chosen.seq + 1)} />}
    </main>
  );
}
