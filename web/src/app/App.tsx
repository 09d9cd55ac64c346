import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { startRouter, useRoute } from './router';
import { t } from '@/messages';

const StudyPage = lazy(() => import('@/study/StudyPage'));
const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: 10_000, refetchOnWindowFocus: false } } });

function Pages() {
  const route = useRoute();
  if (route.page === 'study') return <StudyPage key={route.studyUid} studyUid={route.studyUid} />;
  return <p>{t('app.name')}</p>;
}

export function App() {
  useEffect(() => startRouter(), []);
  return (
    <QueryClientProvider client={client}>
      <Suspense fallback={null}><Pages /></Suspense>
    </QueryClientProvider>
  );
}
