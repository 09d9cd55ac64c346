import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Delivery, ResultObject } from '@/api/types';
import { toast } from '@/app/toast';
import { clockSeconds, when } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState, FailureState, failureWords } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { protocolOf } from '../model/sign';

export function deliveryWords(delivery: Delivery): string {
  const { attempts } = delivery;
  switch (delivery.state) {
    case 'queued':
      return t('study.results.queued');
    case 'sending':
      return t('study.results.sending');
    case 'sent':
      return t('study.results.sent', { at: delivery.sent_at ? when(delivery.sent_at) : '–' });
    case 'retrying':
      return t('study.results.retrying', { attempts, at: delivery.next_try_at ? clockSeconds(delivery.next_try_at) : '–' });
    case 'dead':
      return t('study.results.dead', { attempts });
  }
}

/** Where the objects of this study went, live. */
export function ResultsTab({ study }: { study: string }) {
  const results = useQuery({ queryKey: keys.studyResults(study), queryFn: ({ signal }) => api.studyResults(study, signal), refetchInterval: 10_000 });
  if (results.isError && !results.data) return <FailureState error={results.error} title={t('study.results.failed')} retry={() => void results.refetch()} />;
  if (!results.data) return <span className="sk card-sk" />;
  if (results.data.results.length === 0) return <EmptyState title={t('study.results.none')}>{t('study.results.none.body')}</EmptyState>;
  return (
    <ul className="cards results">
      {results.data.results.map((result) => (
        <li key={result.id}>
          <ResultCard result={result} study={study} />
        </li>
      ))}
    </ul>
  );
}

function ResultCard({ result, study }: { result: ResultObject; study: string }) {
  const client = useQueryClient();
  const retry = (destination: string) => {
    api
      .retryDelivery(result.id, destination)
      .then(() => toast(t('study.results.again')))
      .catch((error: unknown) => toast(failureWords(error).text))
      .finally(() => void client.invalidateQueries({ queryKey: keys.studyResults(study) }));
  };
  const signed = result.status === 'signed';
  return (
    <article className="f">
      <div className="rs-h">
        <Icon name={result.object === 'SEG' ? 'outline' : 'doc'} />
        <b>{result.object === 'SEG' ? t('study.results.seg') : t('study.results.sr')}</b>
        <span className="grow" />
        <span className={`badge ${signed ? 'person' : 'proposed'}`}>{t(signed ? 'study.results.signed' : 'study.results.proposed', { version: result.version })}</span>
      </div>
      {result.deliveries.length === 0 ? <p className="tiny rs-n">{t('study.results.here')}</p> : null}
      <ul className="rs-d">
        {result.deliveries.map((delivery) => (
          <li key={delivery.destination}>
            <Icon name="server" small />
            <b>{delivery.destination}</b> <span className="dim">{protocolOf(delivery.kind)}</span>
            <span className={`st grow ${delivery.state === 'dead' ? 'danger' : delivery.state === 'retrying' ? 'warn' : ''}`}>{deliveryWords(delivery)}</span>
            {delivery.state === 'dead' || delivery.state === 'retrying' ? (
              <button type="button" className="btn" onClick={() => retry(delivery.destination)}>
                {t('study.results.retry')}
              </button>
            ) : null}
            {delivery.last_error && delivery.state !== 'sent' ? <small><Said>{delivery.last_error}</Said></small> : null}
          </li>
        ))}
      </ul>
    </article>
  );
}
