import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Delivery, DeliveryState, HouseResult } from '@/api/types';
import { hrefOf, setQuery, useAddressQuery } from '@/app/router';
import { toast } from '@/app/toast';
import '@/styles/house.css';
import { when } from '@/logic/format';
import { patientTitle } from '@/logic/names';
import { t } from '@/messages';
import { Icon, type IconName } from '@/ui/icons';
import { EmptyState, failureWords } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { Gate, Segments } from './Gate';

const states = ['queued', 'sending', 'sent', 'retrying', 'dead'] as const satisfies readonly DeliveryState[];
const look: Record<DeliveryState, { icon: IconName; tone: string }> = {
  queued: { icon: 'queued', tone: 'dim' }, sending: { icon: 'running', tone: '' }, sent: { icon: 'check', tone: '' },
  retrying: { icon: 'late', tone: 'warn' }, dead: { icon: 'refused', tone: 'danger' },
};
interface Line { result: HouseResult; delivery: Delivery | null }

const linesOf = (results: readonly HouseResult[]): Line[] =>
  results.flatMap((result): Line[] => (result.deliveries.length === 0 ? [{ result, delivery: null }] : result.deliveries.map((delivery) => ({ result, delivery }))));

function StateTag({ delivery }: { delivery: Delivery | null }) {
  if (delivery === null) return <span className="st dim">{t('results.nowhere')}</span>;
  const { icon, tone } = look[delivery.state];
  return <span className={`st ${tone}`}><Icon name={icon} />{t(`results.state.${delivery.state}`)}</span>;
}

function answerOf(delivery: Delivery | null): string {
  if (delivery === null) return t('results.nowhere.why');
  if (delivery.state === 'retrying') {
    const next = delivery.next_try_at === null ? t('results.nothing') : `${t('results.next', { at: when(delivery.next_try_at) })}, ${t('results.nothing')}`;
    return delivery.last_error === null ? next : `${delivery.last_error} · ${next}`;
  }
  return delivery.last_error ?? '–';
}

function ObjectCell({ result }: { result: HouseResult }) {
  return (
    <span className="obj"><Icon name={result.status === 'proposed' ? 'flag' : result.object === 'SR' ? 'doc' : 'outline'} />
      <span><b className="strong nowrap">{result.object === 'SR' ? t('results.sr') : t('results.seg')}</b><small>{t('results.version', { n: result.version })}</small></span></span>
  );
}
function StudyCell({ result }: { result: HouseResult }) {
  return <><a className="strong" href={hrefOf({ page: 'study', studyUid: result.study_uid })}>{result.patient === null ? result.study_uid : patientTitle(result.patient)}</a><small>{result.description}</small></>;
}

export default function ResultsPage() {
  const client = useQueryClient();
  const query = useAddressQuery();
  const state = states.find((name) => name === query.get('state')) ?? 'all';
  const results = useInfiniteQuery({
    queryKey: [...keys.results, state],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const asked = new URLSearchParams({ limit: '100' });
      if (state !== 'all') asked.set('state', state);
      if (pageParam !== null) asked.set('cursor', pageParam);
      return api.results(asked, signal);
    },
    getNextPageParam: (last) => last.next,
    refetchInterval: 30_000,
  });
  const retry = async (line: Line): Promise<void> => {
    if (line.delivery === null) return;
    try {
      await api.retryDelivery(line.result.id, line.delivery.destination);
      toast(t('results.retried', { destination: line.delivery.destination }));
    } catch (error) {
      toast(t('results.retry.failed', { said: failureWords(error).text }));
    }
    await client.invalidateQueries({ queryKey: keys.results });
  };
  const retryAll = async (lines: readonly Line[]): Promise<void> => { for (const line of lines) await retry(line); };

  return (
    <main className="page house">
      <Gate asked={results} title={t('results.error')} safe={t('results.error.safe')}>
        {(data) => {
          const lines = linesOf(data.pages.flatMap((page) => page.results)).filter((line) => state === 'all' || line.delivery?.state === state);
          const dead = lines.filter((line) => line.delivery?.state === 'dead');
          const stored = lines.filter((line) => line.delivery?.state === 'sent').length;
          return (
            <>
              <div className="page-hd">
                <h1>{t('results.title')}</h1>
                <Segments label={t('results.filter')} chosen={state} onChoose={(id) => { setQuery({ state: id === 'all' ? null : id }); }}
                  options={[{ id: 'all' as const, word: t('results.all') }, ...states.map((id) => ({ id, word: t(`results.state.${id}`) }))]} />
                <span className="grow" />
                <span className="dim">{t('results.ok', { n: stored })}</span>
                {dead.length === 0 ? null : <button type="button" className="btn" onClick={() => { void retryAll(dead); }}><Icon name="refresh" small />{t('results.retryall')}</button>}
              </div>
              {dead.length === 0 ? null : (
                <section className="card" aria-labelledby="needs">
                  <div className="hd"><span className="danger-ink"><Icon name="failed" /></span><h2 id="needs">{t('results.needs')}</h2><span className="dim">{dead.length}</span></div>
                  <table className="t"><tbody>
                    {dead.map((line) => (
                      <tr key={`${line.result.id} ${line.delivery?.destination ?? ''}`}>
                        <td className="w-obj"><ObjectCell result={line.result} /></td>
                        <td className="w-dest"><b className="strong">{line.delivery?.destination}</b><small>{line.delivery?.kind.toUpperCase()}</small></td>
                        <td><StateTag delivery={line.delivery} /></td>
                        <td><b className="strong"><Said>{line.delivery?.last_error ?? '–'}</Said></b><br /><span className="sec">{t('results.needs.what')}</span></td>
                        <td className="num nowrap"><button type="button" className="btn" onClick={() => { void retry(line); }}>{t('results.retry')}</button></td>
                      </tr>
                    ))}
                  </tbody></table>
                </section>
              )}
              {lines.length === 0 ? (
                <div className="card"><EmptyState title={state === 'all' ? t('results.empty') : t('results.none')}>{state === 'all' ? t('results.empty.body') : undefined}</EmptyState></div>
              ) : (
                <div className="card scroll-x" tabIndex={0} role="region" aria-label={t('results.title')}>
                  <table className="t">
                    <thead><tr>
                      <th scope="col">{t('results.col.object')}</th><th scope="col">{t('results.col.study')}</th><th scope="col">{t('results.col.stands')}</th><th scope="col">{t('results.col.destination')}</th>
                      <th scope="col">{t('results.col.state')}</th><th scope="col" className="num">{t('results.col.tries')}</th><th scope="col">{t('results.col.answer')}</th><th scope="col" className="num">{t('results.col.at')}</th><th scope="col"><span className="vh">{t('results.retry')}</span></th>
                    </tr></thead>
                    <tbody>
                      {lines.map((line) => (
                        <tr key={`${line.result.id} ${line.delivery?.destination ?? ''}`}>
                          <td><ObjectCell result={line.result} /></td>
                          <td><StudyCell result={line.result} /></td>
                          <td>{line.result.status === 'signed' ? <span className="badge person">{t('results.signed')}</span> : <span className="badge proposed">{t('results.proposed')}</span>}</td>
                          <td className="nowrap">{line.delivery === null ? <span className="dim">–</span> : <><b className="strong">{line.delivery.destination}</b> <span className="dim">{line.delivery.kind.toUpperCase()}</span></>}</td>
                          <td><StateTag delivery={line.delivery} /></td>
                          <td className="num">{line.delivery?.attempts ?? ''}</td>
                          <td className="sec">{answerOf(line.delivery)}</td>
                          <td className="num dim nowrap">{when(line.delivery?.sent_at ?? line.result.created_at)}</td>
                          <td className="num">{line.delivery?.state === 'retrying' ? <button type="button" className="btn" onClick={() => { void retry(line); }}>{t('results.retry')}</button> : null}</td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              )}
              {results.hasNextPage ? <button type="button" className="btn self-start" disabled={results.isFetchingNextPage} onClick={() => { void results.fetchNextPage(); }}>{t('house.more')}</button> : null}
            </>
          );
        }}
      </Gate>
    </main>
  );
}
