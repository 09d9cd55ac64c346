// An act of a person that needs a coded reason: put a case back, stop a tool. No reason is picked beforehand.
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Label, Radio, RadioGroup } from 'react-aria-components';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import { t } from '@/messages';
import { Dialog } from './Dialog';
import { FailureState, FailureWords, Note } from './pieces';
import { Coded } from './Said';

export function ReasonDialog({ list, except, title, act, danger = false, children, onClose, onAct }: {
  list: 'put_back' | 'stop' | 'reject';
  /** a code of the list that does not fit this act */
  except?: string;
  title: string;
  act: string;
  danger?: boolean;
  children?: ReactNode;
  onClose: () => void;
  onAct: (reason: { code: string; text: string }, comment: string) => Promise<void>;
}) {
  const reasons = useQuery({ queryKey: keys.reasons, queryFn: ({ signal }) => api.reasons(signal), staleTime: 3_600_000 });
  const [code, setCode] = useState<string | null>(null);
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const offered = (reasons.data?.[list] ?? []).filter((reason) => reason.code !== except);
  const chosen = offered.find((reason) => reason.code === code);
  const wordless = chosen?.needs_words === true && comment.trim() === '';

  const go = async (): Promise<void> => {
    if (chosen === undefined || wordless) return;
    setBusy(true);
    setFailed(null);
    try {
      await onAct({ code: chosen.code, text: chosen.text }, comment);
      onClose();
    } catch (error) {
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog open alert title={title} onClose={onClose}>
      <form className="bd" onSubmit={(event) => { event.preventDefault(); void go(); }}>
        {children}
        {reasons.isError ? <FailureState error={reasons.error} title={t('reason.unreachable')} retry={() => void reasons.refetch()} /> : null}
        <RadioGroup className="radios" value={code} onChange={setCode} isRequired>
          <Label className="label">{t('reason.label')}</Label>
          {offered.map((reason, index) => (
            <Radio key={reason.code} value={reason.code} className="radio" autoFocus={index === 0}><Coded name={`reason.${list}.${reason.code}`} text={reason.text} /></Radio>
          ))}
        </RadioGroup>
        <label className="label">
          {chosen?.needs_words === true ? t('reason.words') : t('reason.comment')}
          <textarea className="input" value={comment} maxLength={500} onChange={(event) => { setComment(event.target.value); }} />
        </label>
        {failed === null ? null : <Note kind="danger" icon="failed"><b>{t('reason.failed')}</b> <FailureWords error={failed} /></Note>}
        <div className="acts">
          <button type="submit" className={`btn ${danger ? 'danger' : 'primary'}`} disabled={chosen === undefined || wordless || busy}
            title={chosen === undefined ? t('reason.first') : wordless ? t('reason.words') : undefined}>{act}</button>
          <button type="button" className="btn" onClick={onClose}>{t('action.cancel')}</button>
        </div>
      </form>
    </Dialog>
  );
}
