import { useEffect, useRef, type ReactNode } from 'react';
import type { Finding, FindingChanges, Study, VerdictKind } from '@/api/types';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState, FailureState, Kbd } from '@/ui/pieces';
import type { DraftStore, Drafts } from '../model/drafts';
import { isCounted } from '../model/review';
import { AddForm, type Place } from './AddForm';
import { FindingCard, type CardMode } from './FindingCard';
import { ResultsTab } from './ResultsTab';
import { StudyNotes } from './ToolNotes';

export interface FindingsProps {
  readonly study: Study;
  readonly findings: readonly Finding[] | null;
  readonly failed: unknown;
  readonly retry: () => void;
  readonly selected: string | null;
  readonly me: string;
  readonly modes: Readonly<Record<string, CardMode>>;
  readonly drafts: Drafts;
  readonly store: DraftStore;
  readonly marksOn: boolean;
  readonly mayRead: boolean;
  readonly closed: boolean;
  readonly tab: 'findings' | 'results';
  readonly adding: { place: Place | null } | null;
  readonly imageOf: (finding: Finding) => number | null;
  readonly onTab: (tab: 'findings' | 'results') => void;
  readonly onMarks: (on: boolean) => void;
  readonly onSelect: (finding: Finding) => void;
  readonly onJump: (finding: Finding) => void;
  readonly onMode: (finding: Finding, mode: CardMode) => void;
  readonly onVerdict: (finding: Finding, verdict: VerdictKind, more?: { reason?: string; comment?: string; changes?: FindingChanges }) => void;
  readonly onOverrule: (finding: Finding) => void;
  readonly onDiscard: (finding: Finding) => void;
  readonly onTry: (finding: Finding) => void;
  readonly onAdd: (on: boolean) => void;
  readonly onAdded: (finding: Finding) => void;
}

export function Findings(props: FindingsProps) {
  const { findings, tab } = props;
  const count = findings?.filter(isCounted).length ?? null;
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
        {props.mayRead && !props.closed ? (
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
  const { findings, selected } = props;
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  if (props.failed !== null && !findings) return <FailureState error={props.failed} title={t('study.find.failed')} retry={props.retry} />;
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
            <FindingCard
              key={finding.id}
              finding={finding}
              selected={finding.id === selected}
              me={props.me}
              mode={props.modes[finding.id] ?? 'read'}
              image={props.imageOf(finding)}
              pending={props.drafts.pending.find((one) => one.finding === finding.id) ?? null}
              mayRead={props.mayRead}
              closed={props.closed}
              onSelect={() => props.onSelect(finding)}
              onJump={() => props.onJump(finding)}
              onMode={(mode) => props.onMode(finding, mode)}
              onVerdict={(verdict, more) => props.onVerdict(finding, verdict, more)}
              onOverrule={() => props.onOverrule(finding)}
              onDiscard={() => props.onDiscard(finding)}
              onTry={() => props.onTry(finding)}
              form={props.drafts.forms[finding.id]}
              onForm={(form) => props.store.keepForm(finding.id, form)}
            />
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
