import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { api, failureOf } from '@/api/client';
import { keys } from '@/api/keys';
import type { Finding, FindingSet, VerdictRequest } from '@/api/types';
import { failureWords } from '@/ui/pieces';
import { DraftStore, pauseBefore, type Drafts, type Pending } from './model/drafts';

export interface Verdicts {
  readonly drafts: Drafts;
  readonly store: DraftStore;
  readonly give: (finding: Finding, request: VerdictRequest) => void;
  readonly tryNow: (finding: string) => void;
  readonly overrule: (pending: Pending, current: Finding) => void;
  readonly discard: (finding: string) => void;
  readonly undo: (finding: Finding) => Promise<string | null>;
  /** identifiers of findings decided in this session, the last at the end */
  readonly done: () => readonly string[];
}

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

const currentOf = (body: unknown): Finding | null => {
  const current = (body as { current?: unknown } | null)?.current;
  return typeof current === 'object' && current !== null && 'etag' in current ? (current as Finding) : null;
};

/** Verdicts on their way to the node: stored, tried again, or kept as a draft with the words why. */
export function useVerdicts(study: string): Verdicts {
  const client = useQueryClient();
  const store = useMemo(() => new DraftStore(storage(), study), [study]);
  const drafts = useSyncExternalStore(store.subscribe, store.get);
  const sending = useRef(new Set<string>());
  const decided = useRef<string[]>([]);

  const take = useCallback(
    (finding: Finding) => {
      client.setQueryData<FindingSet>(keys.findings(study), (set) =>
        set ? { ...set, findings: set.findings.map((one) => (one.id === finding.id ? finding : one)) } : set,
      );
      void client.invalidateQueries({ queryKey: keys.signature(study) });
    },
    [client, study],
  );

  const send = useCallback(
    async (pending: Pending): Promise<void> => {
      if (sending.current.has(pending.finding)) return;
      sending.current.add(pending.finding);
      try {
        const finding = await api.verdict(pending.finding, pending.etag, pending.request);
        store.drop(pending.finding);
        decided.current = [...decided.current.filter((one) => one !== finding.id), finding.id];
        take(finding);
      } catch (error) {
        const failure = failureOf(error);
        const status = failure.kind === 'problem' || failure.kind === 'unreadable' ? failure.status : null;
        const said = failureWords(error).text;
        const tries = pending.tries + 1;
        if (status === 412) {
          const current = failure.kind === 'problem' ? currentOf(failure.body) : null;
          if (current) take(current);
          else void client.invalidateQueries({ queryKey: keys.findings(study) });
          store.put({ ...pending, tries, state: 'conflict', said, nextTry: null });
        } else if (status === 409) {
          store.put({ ...pending, tries, state: 'signed', said, nextTry: null });
          void client.invalidateQueries({ queryKey: keys.study(study) });
        } else {
          const hopeless = status !== null && status >= 400 && status < 500 && status !== 408 && status !== 429;
          store.put({ ...pending, tries, state: 'waiting', said, nextTry: hopeless ? null : Date.now() + pauseBefore(tries) * 1000 });
        }
      } finally {
        sending.current.delete(pending.finding);
      }
    },
    [client, store, study, take],
  );

  // Tries again what waits; also what a crash of the browser left behind.
  useEffect(() => {
    const tick = () => {
      for (const pending of store.get().pending) {
        if (pending.state === 'waiting' && pending.nextTry !== null && pending.nextTry <= Date.now()) void send(pending);
      }
    };
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [store, send]);

  const give = useCallback(
    (finding: Finding, request: VerdictRequest) => {
      const pending: Pending = {
        finding: finding.id, number: finding.number, etag: finding.etag, request, at: Date.now(), tries: 0, state: 'waiting', said: null,
        nextTry: Date.now() + 20_000,
      };
      store.put(pending);
      store.dropForm(finding.id);
      void send(pending);
    },
    [store, send],
  );
  const tryNow = useCallback(
    (finding: string) => {
      const pending = store.get().pending.find((one) => one.finding === finding);
      if (pending) void send(pending);
    },
    [store, send],
  );
  const overrule = useCallback(
    (pending: Pending, current: Finding) => {
      const next: Pending = { ...pending, etag: current.etag, state: 'waiting', said: null, nextTry: Date.now() + 20_000 };
      store.put(next);
      void send(next);
    },
    [store, send],
  );
  const discard = useCallback((finding: string) => store.drop(finding), [store]);
  const undo = useCallback(
    async (finding: Finding): Promise<string | null> => {
      try {
        take(await api.undoVerdict(finding.id, finding.etag));
        decided.current = decided.current.filter((one) => one !== finding.id);
        return null;
      } catch (error) {
        void client.invalidateQueries({ queryKey: keys.findings(study) });
        return failureWords(error).text;
      }
    },
    [client, study, take],
  );
  const done = useCallback(() => decided.current, []);
  return { drafts, store, give, tryNow, overrule, discard, undo, done };
}
