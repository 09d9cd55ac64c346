import './study.css';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import { AppHeader } from '@/app/Header';
import { hrefOf } from '@/app/router';
import { t } from '@/messages';
import { FailureState } from '@/ui/pieces';
import { startEngine } from './engine/start';
import { ReadingDesk } from './ReadingDesk';

/** The study desk: loaded on its own, with the viewer, after the list. */
export default function StudyPage({ studyUid }: { studyUid: string }) {
  const study = useQuery({ queryKey: keys.study(studyUid), queryFn: ({ signal }) => api.study(studyUid, signal) });
  const [means, setMeans] = useState<{ volumes: boolean } | null>(null);
  useEffect(() => {
    let here = true;
    void startEngine().then((found) => {
      if (here) setMeans(found);
    });
    return () => {
      here = false;
    };
  }, []);
  if (study.data && means) return <ReadingDesk study={study.data} means={means} />;
  return (
    <div className="app rd">
      <AppHeader>
        <span className="pt">
          <a className="btn quiet" href={hrefOf({ page: 'worklist' })}>
            <span aria-hidden="true">‹</span> {t('study.list')}
          </a>
        </span>
      </AppHeader>
      <main className="desk-wait" aria-label={t('study.title')}>
        {study.isError ? (
          <FailureState error={study.error} title={t('study.failed')} safe={t('study.failed.safe')} retry={() => void study.refetch()} />
        ) : (
          <p className="dim" role="status">
            {t('study.loading')} …
          </p>
        )}
      </main>
    </div>
  );
}
