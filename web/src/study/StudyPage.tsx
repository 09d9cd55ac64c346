import { t } from '@/messages';

export default function StudyPage({ studyUid }: { studyUid: string }) {
  return (
    <main className="page" aria-label={t('study.loading')}>
      <p className="mono">{studyUid}</p>
    </main>
  );
}
