import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { I18nProvider } from 'react-aria-components';
import { isStatus } from '@/api/client';
import { keys } from '@/api/keys';
import { locale, t } from '@/messages';
import { SignInPage } from '@/pages/SignInPage';
import { EmptyState } from '@/ui/pieces';
import { WorklistPage } from '@/worklist/WorklistPage';
import { ErrorWall } from './ErrorWall';
import { AppHeader } from './Header';
import { KeyProvider } from './keys';
import { useLanguage } from './language';
import { Rail } from './Rail';
import { startRouter, useRoute, type Route } from './router';
import { SessionGate } from './session';
import { Toaster } from './toast';

const StudyPage = lazy(() => import('@/study/StudyPage'));
const ResultsPage = lazy(() => import('@/pages/ResultsPage'));
const ToolsPage = lazy(() => import('@/pages/ToolsPage'));
const HealthPage = lazy(() => import('@/pages/HealthPage'));
const LedgerPage = lazy(() => import('@/pages/LedgerPage'));
const UploadPage = lazy(() => import('@/pages/UploadPage'));
const SettingsPage = lazy(() => import('@/pages/SettingsPage'));
const PeoplePage = lazy(() => import('@/pages/PeoplePage'));

// A session may end between two questions: whichever of them hears 401 first has the session looked at, which leads to sign-in.
const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, query) => {
      if (isStatus(error, 401) && query.queryKey[0] !== 'session') void client.invalidateQueries({ queryKey: keys.session });
    },
  }),
  defaultOptions: { queries: { retry: false, staleTime: 10_000, refetchOnWindowFocus: false } },
});

function pageTitle(route: Route): string {
  switch (route.page) {
    case 'signin': return t('signin.title');
    case 'worklist': return t('nav.worklist');
    case 'study': return t('nav.study');
    case 'results': return t('nav.results');
    case 'tools': return t('nav.tools');
    case 'health': return t('nav.health');
    case 'ledger': return t('nav.ledger');
    case 'settings': return t('nav.settings');
    case 'people': return t('nav.people');
    case 'upload': return t('nav.upload');
    case 'unknown': return t('nav.unknown', { path: route.path });
  }
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'worklist': return <WorklistPage />;
    case 'study': return <StudyPage key={route.studyUid} studyUid={route.studyUid} />;
    case 'results': return <ResultsPage />;
    case 'tools': return <ToolsPage />;
    case 'health': return <HealthPage />;
    case 'ledger': return <LedgerPage />;
    case 'settings': return <SettingsPage />;
    case 'people': return <PeoplePage />;
    case 'upload': return <UploadPage />;
    case 'signin': return null;
    case 'unknown': return (
      <main className="page">
        <EmptyState title={t('nav.unknown', { path: route.path })} actions={<a className="btn primary" href="/">{t('nav.worklist')}</a>}>{t('nav.unknown.body')}</EmptyState>
      </main>
    );
  }
}

function Shell({ route }: { route: Route }) {
  // The desk has the whole window: its own header line, no rail.
  if (route.page === 'study') {
    return (
      <>
        <ErrorWall key={route.studyUid}>
          <Suspense fallback={null}><Page route={route} /></Suspense>
        </ErrorWall>
        <Toaster />
      </>
    );
  }
  return (
    <>
      <a className="skip" href="#content">{t('nav.skip')}</a>
      <div className="app">
        <AppHeader />
        <Rail />
        <div id="content" tabIndex={-1}>
          <ErrorWall key={route.page}>
            <Suspense fallback={null}><Page route={route} /></Suspense>
          </ErrorWall>
        </div>
      </div>
      <Toaster />
    </>
  );
}

function Root() {
  const route = useRoute();
  useEffect(() => { document.title = t('app.title', { page: pageTitle(route) }); });
  if (route.page === 'signin') return <SignInPage />;
  return <SessionGate><Shell route={route} /></SessionGate>;
}

export function App() {
  useEffect(() => startRouter(), []);
  // Another language draws everything anew and leaves every state as it is.
  useLanguage();
  return (
    <ErrorWall>
      <I18nProvider locale={locale()}>
        <QueryClientProvider client={client}>
          <KeyProvider><Root /></KeyProvider>
        </QueryClientProvider>
      </I18nProvider>
    </ErrorWall>
  );
}
