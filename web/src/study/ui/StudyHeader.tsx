import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Button, Dialog, DialogTrigger, Popover } from 'react-aria-components';
import { api } from '@/api/client';
import type { Study, WorklistRow } from '@/api/types';
import { hrefOf } from '@/app/router';
import { useSession } from '@/app/session';
import { dayMonthYear, when } from '@/logic/format';
import { patientTitle, sexAndAge } from '@/logic/names';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { Kbd, LevelTag, ModalityTag } from '@/ui/pieces';
import { Said } from '@/ui/Said';

export function useNextCase(study: string): WorklistRow | null {
  const { user } = useSession();
  const next = useQuery({
    queryKey: ['worklist', 'next', study],
    queryFn: ({ signal }) => api.worklist(new URLSearchParams({ status: 'open', sort: 'place', limit: '30' }), signal),
    staleTime: 30_000,
  });
  return next.data?.rows.find((row) => row.study_uid !== study && row.state !== 'signed' && (row.with === null || row.with.name === user.name)) ?? null;
}

export function StudyHeader({ study, next, why, onWhy }: { study: Study; next: WorklistRow | null; why: boolean; onWhy: (open: boolean) => void }) {
  const { patient, priority } = study;
  const [opened] = useState(() => Date.now());
  const date = study.study_date ? dayMonthYear(study.study_date) : '';
  return (
    <div className="pt">
      <a className="btn quiet" href={hrefOf({ page: 'worklist' })} title={t('study.back')}>
        <span aria-hidden="true">‹</span> {t('study.list')} <Kbd>Esc</Kbd>
      </a>
      <span className="hd-sep" />
      <h1 className="id cut">{patientTitle(patient)}</h1>
      <span className="it">{sexAndAge(patient, opened)}</span>
      <ModalityTag modalities={[...new Set(study.series.map((one) => one.modality))]} />
      <span className="it cut">{study.description}</span>
      <span className="it dim x hd-hide cut">{[date, study.accession ? t('study.accession', { accession: study.accession }) : ''].filter(Boolean).join(' · ')}</span>
      {priority ? (
        <>
          <span className="hd-sep" />
          <DialogTrigger isOpen={why} onOpenChange={onWhy}>
            <Button className="btn quiet">
              <LevelTag level={priority.level} /> <span className="sec">{t('study.place', { place: priority.place })}</span>
              <span className="vh">. {t('study.why')}</span> <Kbd>I</Kbd>
            </Button>
            <Popover className="pop whyp" placement="bottom">
              <Dialog aria-label={t('study.why')} className="why-d">
                <h2>{t('study.why')}</h2>
                <Why study={study} />
              </Dialog>
            </Popover>
          </DialogTrigger>
        </>
      ) : null}
      <span className="grow" />
      <Lock study={study} />
      {next ? (
        <a className="btn quiet" href={hrefOf({ page: 'study', studyUid: next.study_uid })} title={t('study.next.case')}>
          {t('study.next')} <span className="x cut">{patientTitle(next.patient)}</span> <Kbd>N</Kbd>
        </a>
      ) : null}
    </div>
  );
}

function Why({ study }: { study: Study }) {
  const { priority } = study;
  if (!priority) return null;
  return (
    <ol className="why-l">
      {priority.reasons.map((reason) => (
        <li key={reason.code + reason.text}>
          <Said>{reason.text}</Said> {reason.since ? <span className="dim">{t('study.why.since', { at: when(reason.since) })}</span> : null}
        </li>
      ))}
      <li className="dim">{t('study.why.without', { place: priority.place, without: priority.place_without_ai })}</li>
    </ol>
  );
}

function Lock({ study }: { study: Study }) {
  const { user } = useSession();
  const holder = study.with;
  if (study.signed) {
    return (
      <span className="hd-state">
        <Icon name="lock" small />
        {t('study.signed', { by: study.signed.by, at: when(study.signed.at) })}
      </span>
    );
  }
  if (!holder) return null;
  return holder.name === user.name || holder.name === user.display ? (
    <span className="hd-state x">{t('study.lock.you')}</span>
  ) : (
    <span className="hd-state warn">
      <Icon name="lock" small />
      {t('study.lock.other', { name: holder.name, at: when(holder.since) })}
    </span>
  );
}
