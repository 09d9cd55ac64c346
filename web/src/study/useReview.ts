import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Finding, FindingChanges, SignaturePreview, Study, VerdictKind } from '@/api/types';
import { useHasRole } from '@/app/session';
import { toast } from '@/app/toast';
import { t } from '@/messages';
import type { Desk } from './engine/desk';
import { undoMeasurement } from './engine/tools';
import { neighbour, nextOpen, type CardMode, type MarkedFinding } from './model/review';
import { vec3 } from './model/vec';
import { useVerdicts, type Verdicts } from './useVerdicts';

export interface VerdictWords {
  readonly reason?: string;
  readonly comment?: string;
  readonly changes?: FindingChanges;
}
export interface Review {
  readonly findings: readonly Finding[] | null;
  readonly failed: unknown;
  readonly retry: () => void;
  readonly preview: SignaturePreview | null;
  readonly previewFailed: unknown;
  readonly verdicts: Verdicts;
  readonly marked: readonly MarkedFinding[];
  readonly mayRead: boolean;
  /** signed: nothing is changed any more */
  readonly closed: boolean;
  readonly selected: string | null;
  readonly current: Finding | null;
  readonly select: (id: string) => void;
  readonly step: (by: 1 | -1) => boolean;
  readonly jump: (finding: Finding) => void;
  readonly modes: Readonly<Record<string, CardMode>>;
  readonly setMode: (finding: Finding, mode: CardMode) => void;
  readonly give: (finding: Finding, verdict: VerdictKind, more?: VerdictWords) => void;
  readonly overrule: (finding: Finding) => void;
  readonly undo: () => Promise<void>;
  readonly refresh: () => void;
}

const none: readonly Finding[] = [];

/** Findings with their outlines, as far as they are drawn. */
function useMarked(findings: readonly Finding[]): readonly MarkedFinding[] {
  const drawn = findings.filter((one) => !['rejected', 'withdrawn'].includes(one.state) && one.region.kind !== 'none');
  const outlines = useQueries({
    queries: drawn.map((one) => ({
      queryKey: keys.outline(one.id),
      queryFn: ({ signal }: { signal: AbortSignal }) => api.outline(one.id, signal),
      staleTime: 600_000,
      enabled: one.region.kind !== 'point',
    })),
  });
  return drawn.map((finding, at) => ({ finding, outline: outlines[at]?.data ?? null }));
}

export function useReview(study: Study, desk: Desk | null): Review {
  const uid = study.study_uid;
  const client = useQueryClient();
  const mayRead = useHasRole('reader', 'screening_reader');
  const answer = useQuery({ queryKey: keys.findings(uid), queryFn: ({ signal }) => api.findings(uid, signal) });
  const preview = useQuery({ queryKey: keys.signature(uid), queryFn: ({ signal }) => api.signature(uid, signal) });
  const findings = answer.data?.findings ?? none;
  const verdicts = useVerdicts(uid);
  const marked = useMarked(findings);
  const [picked, select] = useState<string | null>(null);
  const [modes, setModes] = useState<Readonly<Record<string, CardMode>>>({});

  const selected = picked && findings.some((one) => one.id === picked) ? picked : (findings.find((one) => one.state === 'proposed')?.id ?? findings[0]?.id ?? null);
  const current = findings.find((one) => one.id === selected) ?? null;
  const closed = study.signed !== null || (preview.data?.signed ?? null) !== null;

  const jump = useCallback((finding: Finding) => {
    const centre = vec3(finding.region.centre_mm);
    select(finding.id);
    if (centre && finding.region.kind !== 'none') desk?.jump(centre, finding.region.frame_of_reference_uid || null);
  }, [desk]);
  const setMode = (finding: Finding, mode: CardMode) => {
    select(finding.id);
    setModes((old) => ({ ...old, [finding.id]: mode }));
  };
  const give = (finding: Finding, verdict: VerdictKind, more: VerdictWords = {}) => {
    if (!mayRead || closed) return;
    verdicts.give(finding, {
      verdict,
      reason: more.reason ? { code: more.reason } : null,
      comment: more.comment ?? '',
      ...(more.changes ? { changes: more.changes } : {}),
    });
    setModes((old) => ({ ...old, [finding.id]: 'read' }));
    select(nextOpen(findings, finding.id, new Set([...verdicts.store.get().pending.map((one) => one.finding), finding.id])));
  };
  const undo = async () => {
    const last = verdicts.done().at(-1);
    const mine = findings.find((one) => one.id === last) ?? (current?.verdicts.some((one) => !one.undone) ? current : null);
    if (mine && !closed) {
      const said = await verdicts.undo(mine);
      select(mine.id);
      toast(said === null ? t('study.verdict.undone', { number: mine.number }) : t('study.verdict.failed', { said }));
    } else if (!undoMeasurement()) toast(t('study.verdict.nothing'));
  };
  return {
    findings: answer.data ? findings : null,
    failed: answer.error,
    retry: () => void answer.refetch(),
    preview: preview.data ?? null,
    previewFailed: preview.error,
    verdicts,
    marked,
    mayRead,
    closed,
    selected,
    current,
    select,
    step: (by) => {
      const at = findings.findIndex((one) => one.id === selected);
      if (findings.length === 0 || (by > 0 ? at === findings.length - 1 : at <= 0)) return false;
      select(neighbour(findings, selected, by));
      return true;
    },
    jump,
    modes,
    setMode,
    give,
    overrule: (finding) => {
      const pending = verdicts.drafts.pending.find((one) => one.finding === finding.id);
      if (pending) verdicts.overrule(pending, finding);
    },
    undo,
    refresh: () => void client.invalidateQueries({ queryKey: keys.study(uid) }),
  };
}
