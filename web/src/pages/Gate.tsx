// The states that every page of the house has: loading, forbidden, error.
import type { ReactNode } from 'react';
import { isStatus } from '@/api/client';
import { t } from '@/messages';
import { EmptyState, FailureState } from '@/ui/pieces';

interface Asked<Data> { data: Data | undefined; error: unknown; isError: boolean; refetch: () => unknown }

export function Gate<Data>({ asked, title, safe, children }: { asked: Asked<Data>; title: string; safe?: string; children: (data: Data) => ReactNode }) {
  if (asked.data !== undefined) return <>{children(asked.data)}</>;
  if (isStatus(asked.error, 403)) return <EmptyState title={t('house.forbidden')}>{t('house.forbidden.body')}</EmptyState>;
  if (asked.isError) return <FailureState error={asked.error} title={title} {...(safe === undefined ? {} : { safe })} retry={() => { void asked.refetch(); }} />;
  return (
    <div role="status" aria-label={t('house.loading')} className="card">
      <div className="bd stack">{[62, 80, 44, 71, 58].map((width) => <span key={width} className="sk" style={{ width: `${width}%` }} />)}</div>
    </div>
  );
}

export function Segments<Id extends string>({ label, options, chosen, onChoose }: { label: string; options: readonly { id: Id; word: string }[]; chosen: Id; onChoose: (id: Id) => void }) {
  return (
    <div className="seg" role="group" aria-label={label}>
      {options.map((option) => <button key={option.id} type="button" aria-pressed={option.id === chosen} onClick={() => { onChoose(option.id); }}>{option.word}</button>)}
    </div>
  );
}
