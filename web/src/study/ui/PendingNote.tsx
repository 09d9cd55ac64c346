import { useEffect, useState } from 'react';
import type { Finding } from '@/api/types';
import { inSentence, when } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import type { Pending } from '../model/drafts';
import { stateWord, verdictWord } from './findingWords';

interface Props {
  readonly pending: Pending;
  readonly finding: Finding;
  readonly onTry: () => void;
  readonly onOverrule: () => void;
  readonly onDiscard: () => void;
}

function useSecondsTo(at: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (at === null) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [at]);
  return at === null ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
}

/** What was chosen and is not on the node: the words say what is safe and what to do. */
export function PendingNote({ pending, finding, onTry, onOverrule, onDiscard }: Props) {
  const seconds = useSecondsTo(pending.nextTry);
  const verdict = inSentence(verdictWord(pending.request.verdict));
  if (pending.state === 'conflict') {
    const last = finding.verdicts.filter((one) => !one.undone).at(-1);
    return (
      <div className="fb pend" role="alert">
        <div className="note warn">
          <Icon name="lock" />
          <span>
            <b>{t('study.verdict.conflict', { by: last?.by ?? '–', number: finding.number, at: last ? when(last.at) : '–' })}</b>{' '}
            {t('study.verdict.conflict.body', { state: inSentence(stateWord(finding.state)), verdict })}
          </span>
        </div>
        <div className="row">
          <button type="button" className="btn" onClick={onDiscard}>
            {t('study.verdict.conflict.theirs')}
          </button>
          <button type="button" className="btn" onClick={onOverrule}>
            {t('study.verdict.conflict.mine')}
          </button>
        </div>
      </div>
    );
  }
  if (pending.state === 'signed') {
    return (
      <div className="fb pend" role="alert">
        <div className="note warn">
          <Icon name="lock" />
          <span>
            <b>{pending.said}</b> {t('study.verdict.signedfirst.body', { number: finding.number })}
          </span>
        </div>
        <div className="row">
          <button type="button" className="btn quiet" onClick={onDiscard}>
            {t('study.verdict.discard')}
          </button>
        </div>
      </div>
    );
  }
  if (pending.said === null) {
    return (
      <div className="fb pend" role="status">
        <span className="tiny">
          {t('study.verdict.storing')} {verdict}
        </span>
      </div>
    );
  }
  return (
    <div className="fb pend" role="alert">
      <div className="note danger">
        <Icon name="failed" />
        <span>
          <b>{t('study.verdict.unsaved', { number: finding.number })}</b>{' '}
          {pending.nextTry === null ? t('study.verdict.unsaved.stuck', { said: pending.said }) : t('study.verdict.unsaved.body', { seconds })}
        </span>
      </div>
      <div className="row">
        <button type="button" className="btn" onClick={onTry}>
          {t('study.verdict.try')}
        </button>
        <button type="button" className="btn quiet" onClick={onDiscard}>
          {t('study.verdict.discard')}
        </button>
      </div>
    </div>
  );
}
