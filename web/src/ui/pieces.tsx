// Small shared pieces: level, modality, key hint, states of a page.
import type { ReactNode } from 'react';
import { failureOf } from '@/api/client';
import type { Level } from '@/api/types';
import { modalityLabel } from '@/logic/names';
import { coded, t } from '@/messages';
import { Icon, type IconName } from './icons';
import { Said } from './Said';

const levelIcon: Record<Level, IconName> = {
  immediate: 'lv-immediate', urgent: 'lv-urgent', soon: 'lv-soon', routine: 'lv-routine',
};
export const levelWord = (level: Level): string =>
  ({ immediate: t('level.immediate'), urgent: t('level.urgent'), soon: t('level.soon'), routine: t('level.routine') })[level];

/** Colour, shape and word together, never one of them alone. */
export function LevelTag({ level, text }: { level: Level; text?: string }) {
  return <span className={`lv ${level}`}><Icon name={levelIcon[level]} />{text ?? levelWord(level)}</span>;
}

export function ModalityTag({ modalities }: { modalities: readonly string[] }) {
  return <span className="mod">{modalityLabel(modalities)}</span>;
}

/** Key hint inside a button; the button itself carries aria-keyshortcuts. */
export function Kbd({ children, always = false }: { children: ReactNode; always?: boolean }) {
  return <kbd aria-hidden="true" className={always ? 'always' : undefined}>{children}</kbd>;
}

export function DemoBadge() {
  return <span className="badge demo">{t('tool.demonstrator')}</span>;
}

export function Note({ kind, icon, children }: { kind?: 'warn' | 'danger'; icon: IconName; children: ReactNode }) {
  return <div className={`note ${kind ?? ''}`}><Icon name={icon} /><span>{children}</span></div>;
}

export function EmptyState({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children === undefined ? null : <p>{children}</p>}
      {actions === undefined ? null : <div className="row">{actions}</div>}
    </div>
  );
}

/** What happened, as a sentence: by the code where the catalogue knows it, else in the node's own words, which are `said` and English. */
export function failureWords(error: unknown): { text: string; reference: string | null; said: string | null } {
  const failure = failureOf(error);
  if (failure.kind === 'offline') return { text: t('failure.offline'), reference: null, said: null };
  if (failure.kind === 'aborted') return { text: t('failure.aborted'), reference: null, said: null };
  if (failure.kind === 'unreadable') return { text: t('failure.unreadable', { status: String(failure.status) }), reference: null, said: null };
  const { problem } = failure;
  const reference = problem.reference ?? problem.code;
  const known = coded(`problem.${problem.code}`);
  if (known !== null) return { text: known, reference, said: null };
  const said = [problem.detail ?? problem.title, problem.remedy].filter((part) => part !== undefined && part !== '').join(' ');
  return { text: t('failure.problem', { status: String(problem.status), said }), reference, said };
}

/** The same words with the node's part marked as English. */
export function FailureWords({ error }: { error: unknown }) {
  const { text, said } = failureWords(error);
  const at = said === null || said === '' ? -1 : text.indexOf(said);
  return at < 0 || said === null ? <>{text}</> : <>{text.slice(0, at)}<Said>{said}</Said>{text.slice(at + said.length)}</>;
}

/** Pattern: what happened, what is safe, what to do. The reference stands last and small. */
export function FailureState({ error, title, safe, retry }: { error: unknown; title: string; safe?: string; retry?: () => void }) {
  const { reference } = failureWords(error);
  return (
    <div className="empty" role="alert">
      <h2>{title}</h2>
      <p><FailureWords error={error} />{safe === undefined ? '' : ` ${safe}`}</p>
      {retry === undefined ? null : <button type="button" className="btn primary" onClick={retry}>{t('action.retry')}</button>}
      {reference === null ? null : <span className="dim mono ref">{t('failure.reference', { reference })}</span>}
    </div>
  );
}
