import { useEffect, useRef, type ReactNode } from 'react';
import type { Finding, Study } from '@/api/types';
import { useSession } from '@/app/session';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState, FailureState, Kbd } from '@/ui/pieces';
import { isCounted } from '../model/review';
import { AddForm, type Place } from './AddForm';
import { FindingCard } from './FindingCard';
import { ResultsTab } from './ResultsTab';
import { StudyNotes } from './ToolNotes';
import type { Review } from '../useReview';

export interface FindingsProps {
  readonly study: Study;
  readonly review: Review;
  readonly marksOn: boolean;
  readonly tab: 'findings' | 'results';
  readonly adding: { place: Place | null } | null;
  readonly imageOf: (finding: Finding) => number | null;
  readonly onTab: (tab: 'findings' | 'results') => void;
  readonly onMarks: (on: boolean) => void;
  readonly onAdd: (on: boolean) => void;
  readonly onAdded: (finding: Finding) => void;
}

export function Findings(props: FindingsProps) {
  const { review, tab } = props;
  const count = review.findings?.filter(isCounted).length ?? null;
  return (
    <aside className="find" aria-label={t('study.find.label')}>
      <h2 className="vh">{t('study.find.label')}</h2>
      <div className="tabs">
        <div role="tablist" aria-label={t('study.find.label')} className="tablist">
          <Tab id="findings" here={tab} onTab={props.onTab}>
            {t('study.find.label')} {count === null ? null : <span className="dim">{count}</span>}
          </Tab>
          <Tab id="results" here={tab} onTab={props.onTab}>
            {t('study.find.results')}
          </Tab>
        </div>
        <span className="grow" />
        {review.mayRead && !review.closed ? (
          <button type="button" className="btn" aria-keyshortcuts="a" aria-pressed={props.adding !== null} onClick={() => props.onAdd(props.adding === null)}>
            <Icon name="plus" small />
            {t('study.find.add')} <Kbd>A</Kbd>
          </button>
        ) : null}
      </div>
      <div className="modeln">
        <span className="cut">
          <Icon name="eye" small /> {t('study.find.mode')} <b className="strong">{t('study.find.concurrent')}</b>
        </span>
        <span className="grow" />
        <button type="button" className="switch ai" role="switch" aria-checked={props.marksOn} onClick={() => props.onMarks(!props.marksOn)}>
          <span className="tr" />
          {t('study.find.marks')} <Kbd>Space</Kbd>
        </button>
      </div>
      <div className="fl" role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`} tabIndex={0}>
        {tab === 'results' ? <ResultsTab study={props.study.study_uid} /> : <List {...props} />}
      </div>
    </aside>
  );
}

function Tab({ id, here, onTab, children }: { id: 'findings' | 'results'; here: string; onTab: (tab: 'findings' | 'results') => void; children: ReactNode }) {
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${id}`}
      aria-selected={here === id}
      aria-controls={`panel-${here}`}
      tabIndex={here === id ? 0 : -1}
      onClick={() => onTab(id)}
      onKeyDown={(event) => {
        if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
          event.preventDefault();
          const other = id === 'findings' ? 'results' : 'findings';
          onTab(other);
          document.getElementById(`tab-${other}`)?.focus();
        }
      }}
    >
      {children}
    </button>
  );
}

function List(props: FindingsProps) {
  const { review } = props;
  const { findings, selected } = review;
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  if (review.failed !== null && !findings) return <FailureState error={review.failed} title={t('study.find.failed')} retry={review.retry} />;
  const fits = props.study.tools.some((tool) => tool.state !== 'not_applicable');
  return (
    <>
      {props.adding ? <AddForm study={props.study.study_uid} place={props.adding.place} onAdded={props.onAdded} onCancel={() => props.onAdd(false)} /> : null}
      {findings === null ? (
        <div className="stack" aria-label={t('study.find.loading')} role="status">
          {[0, 1, 2].map((at) => (
            <span key={at} className="sk card-sk" />
          ))}
        </div>
      ) : (
        <ul className="cards" ref={list}>
          {findings.map((finding) => (
            <Card key={finding.id} finding={finding} review={review} image={props.imageOf(finding)} />
          ))}
        </ul>
      )}
      {findings?.length === 0 && !props.adding ? (
        <EmptyState title={fits ? t('study.find.none') : t('study.find.notool')}>{t('study.find.none.body')}</EmptyState>
      ) : null}
      <StudyNotes study={props.study} />
    </>
  );
}

function Card({ finding, review, image }: { finding: Finding; review: Review; image: number | null }) {
  const { user } = useSession();
  const { verdicts } = review;
  return (
    <FindingCard
      finding={finding}
      selected={finding.id === review.selected}
      me={user.name}
      mode={review.modes[finding.id] ?? 'read'}
      image={image}
      pending={verdicts.drafts.pending.find((one) => one.finding === finding.id) ?? null}
      mayRead={review.mayRead}
      closed={review.closed}
      onSelect={() => review.select(finding.id)}
      onJump={() => review.jump(finding)}
      onMode={(mode) => review.setMode(finding, mode)}
      onVerdict={(verdict, more) => review.give(finding, verdict, more)}
      onOverrule={() => review.overrule(finding)}
      onDiscard={() => verdicts.discard(finding.id)}
      onTry={() => verdicts.tryNow(finding.id)}
      form={verdicts.drafts.forms[finding.id]}
      onForm={(form) => verdicts.store.keepForm(finding.id, form)}
    />
  );
}
