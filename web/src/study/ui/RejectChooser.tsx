import { useQuery } from '@tanstack/react-query';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import { useKeys } from '@/app/keys';
import { t } from '@/messages';
import { FailureWords, Kbd } from '@/ui/pieces';
import { Coded } from '@/ui/Said';

export function useReasons() {
  return useQuery({ queryKey: keys.reasons, queryFn: ({ signal }) => api.reasons(signal), staleTime: 3_600_000 });
}

/** Why a finding is rejected: coded, none picked beforehand, in its place under the words and not over the picture. */
export function RejectChooser({ number, onCancel, onReject }: { number: number; onCancel: () => void; onReject: (reason: string, comment: string) => void }) {
  const reasons = useReasons();
  const list = reasons.data?.reject ?? [];
  const [chosen, setChosen] = useState<string | null>(null);
  const [comment, setComment] = useState('');
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  // A digit takes the focus to its reason, so that Enter speaks of the reason; afterwards the focus goes back to where it was.
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const here = box.current;
    return () => {
      if (here?.contains(document.activeElement) && before.current instanceof HTMLElement) before.current.focus({ preventScroll: true });
    };
  }, []);
  const choose = (at: number) => {
    const reason = list[at];
    const radio = box.current?.querySelectorAll<HTMLElement>('[role="radio"]')[at];
    if (!reason || !radio) return;
    if (!box.current?.contains(document.activeElement)) before.current = document.activeElement;
    setChosen(reason.code);
    radio.focus({ preventScroll: true });
  };
  const silent = list.find((one) => one.code === chosen)?.needs_words === true && comment.trim() === '';
  const words = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (silent) words.current?.focus();
  }, [silent]);
  const go = () => {
    if (chosen && !silent) onReject(chosen, comment.trim());
  };
  useKeys([
    ...['1', '2', '3', '4', '5', '6'].map((key, at) => ({
      key,
      run: () => {
        const own = list.findIndex((one) => one.key === key);
        choose(own >= 0 ? own : at);
      },
    })),
    { key: 'Enter', run: go },
    { key: 'Escape', run: onCancel },
  ]);
  return (
    <div className="rj" ref={box}>
      <h3 id={`rj-${number}`}>{t('study.reject.title', { number })}</h3>
      {reasons.isError ? <p className="tiny"><FailureWords error={reasons.error} /></p> : null}
      <div className="opts" role="radiogroup" aria-labelledby={`rj-${number}`}>
        {list.map((reason, at) => (
          <button
            key={reason.code}
            type="button"
            role="radio"
            aria-checked={chosen === reason.code}
            onClick={() => setChosen(reason.code)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || chosen !== reason.code) return;
              event.preventDefault();
              go();
            }}
          >
            <Kbd>{reason.key ?? at + 1}</Kbd>
            <Coded name={`reason.reject.${reason.code}`} text={reason.text} />
          </button>
        ))}
      </div>
      {chosen ? (
        <label className="label">
          {t('study.reject.comment')}
          <input
            ref={words}
            className="input"
            value={comment}
            maxLength={500}
            onChange={(event) => setComment(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') go();
            }}
          />
        </label>
      ) : null}
      <div className="row">
        <span className="dim grow hint x">{t('study.reject.hint')}</span>
        <button type="button" className="btn" onClick={onCancel}>
          {t('action.cancel')}
        </button>
        <button type="button" className="btn primary" disabled={chosen === null || silent} title={chosen === null ? t('study.reject.first') : silent ? t('study.reject.words') : undefined} onClick={go}>
          {t('study.reject.go')} <Kbd>↵</Kbd>
        </button>
      </div>
    </div>
  );
}
