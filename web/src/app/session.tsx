import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useRef, type ReactNode } from 'react';
import { api, isStatus } from '@/api/client';
import { keys } from '@/api/keys';
import type { LiveEvent, Role, Session } from '@/api/types';
import { t } from '@/messages';
import { FailureState } from '@/ui/pieces';
import { speakFor } from './language';
import { onLiveEvent, startLive, useLive } from './live';
import { navigate } from './router';

const Present = createContext<Session | null>(null);

/** The signed-in person. Only inside the session gate. */
export function useSession(): Session {
  const session = use(Present);
  if (session === null) throw new Error('useSession is used outside of the session gate');
  return session;
}
/** What the page offers; what is allowed is decided by the node at each request. */
export const useHasRole = (...roles: readonly Role[]): boolean => useSession().user.roles.some((role) => roles.includes(role));

/** Gathers events for a moment, so a burst of ten is one question to the node. */
function startInvalidation(client: QueryClient): () => void {
  let studies = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    timer = null;
    for (const name of ['worklist', 'results', 'health', 'ledger', 'tools', 'dead-jobs']) void client.invalidateQueries({ queryKey: [name] });
    for (const study of studies) void client.invalidateQueries({ queryKey: keys.study(study) });
    studies = new Set();
  };
  const stop = onLiveEvent((event: LiveEvent) => {
    if (event.study_uid !== null) studies.add(event.study_uid);
    timer ??= setTimeout(flush, 300);
  });
  return () => { stop(); if (timer !== null) clearTimeout(timer); };
}

function toSignIn(): void {
  const here = window.location.pathname + window.location.search;
  navigate(here === '/' ? '/signin' : `/signin?next=${encodeURIComponent(here)}`, { replace: true });
}

export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const session = useQuery({ queryKey: keys.session, queryFn: ({ signal }) => api.session(signal), staleTime: 60_000, refetchInterval: 300_000 });
  const out = isStatus(session.error, 401);
  const live = useLive();

  useEffect(() => { if (out) { client.clear(); toSignIn(); } }, [out, client]);
  useEffect(() => { if (live.signedOut) void client.invalidateQueries({ queryKey: keys.session }); }, [live.signedOut, client]);
  const signedIn = session.data !== undefined;
  const name = session.data?.user.name;
  useEffect(() => {
    if (name !== undefined) void speakFor(name);
    return () => { void speakFor(null); };
  }, [name]);
  useEffect(() => {
    if (!signedIn) return undefined;
    const stopLive = startLive();
    const stopInvalidation = startInvalidation(client);
    return () => { stopLive(); stopInvalidation(); };
  }, [signedIn, client]);
  // After a broken line nothing is known about what was missed: everything on screen is asked again.
  const broken = useRef(false);
  useEffect(() => {
    if (live.state === 'lost') broken.current = true;
    if (live.state !== 'live' || !broken.current) return;
    broken.current = false;
    void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'page' });
  }, [live.state, client]);

  if (session.data !== undefined && !out) return <Present value={session.data}>{children}</Present>;
  if (session.isError && !out) return <main className="page"><FailureState error={session.error} title={t('app.unreachable')} retry={() => void session.refetch()} /></main>;
  return null;
}
