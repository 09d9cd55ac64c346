import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Finding, FindingChanges, Study, VerdictKind } from '@/api/types';
import { AppHeader } from '@/app/Header';
import { useKeys } from '@/app/keys';
import { usePreferences } from '@/app/preferences';
import { KeyHelp } from '@/app/Rail';
import { hrefOf, navigate } from '@/app/router';
import { useHasRole, useSession } from '@/app/session';
import { toast } from '@/app/toast';
import { patientTitle } from '@/logic/names';
import { t } from '@/messages';
import type { Desk, PortView } from './engine/desk';
import { fusionLook } from './engine/show';
import { chooseTool, measuring, undoMeasurement, type ToolId } from './engine/tools';
import { hang, layoutsFor, type LayoutId } from './model/hanging';
import { isReviewed, neighbour, nextOpen } from './model/review';
import { dot, sub, vec3 } from './model/vec';
import { normalOf } from './model/frames';
import { presetOf } from './model/windows';
import { Findings } from './ui/Findings';
import type { CardMode } from './ui/FindingCard';
import { Ports } from './ui/Ports';
import type { MarkedFinding } from './ui/PortMarks';
import { presetsOf, unmeasured } from './ui/portWords';
import { SeriesList } from './ui/SeriesList';
import { SignBar } from './ui/SignBar';
import { StudyHeader, useNextCase } from './ui/StudyHeader';
import { ImageToolbar } from './ui/Toolbar';
import type { Place } from './ui/AddForm';
import { useClaim } from './useClaim';
import { useVerdicts } from './useVerdicts';

const none: readonly Finding[] = [];

function useMarked(findings: readonly Finding[]): readonly MarkedFinding[] {
  const drawn = findings.filter((one) => !['rejected', 'withdrawn'].includes(one.state) && one.region.kind !== 'none');
  const outlines = useQueries({
    queries: drawn.map((one) => ({ queryKey: keys.outline(one.id), queryFn: ({ signal }: { signal: AbortSignal }) => api.outline(one.id, signal), staleTime: 600_000, enabled: one.region.kind !== 'point' })),
  });
  const data = outlines.map((one) => one.data ?? null);
  return drawn.map((finding, at) => ({ finding, outline: data[at] ?? null }));
}

export function ReadingDesk({ study, means }: { study: Study; means: { volumes: boolean } }) {
  const uid = study.study_uid;
  const client = useQueryClient();
  const { user } = useSession();
  const mayRead = useHasRole('reader', 'screening_reader');
  const { theme } = usePreferences();
  const findingsQuery = useQuery({ queryKey: keys.findings(uid), queryFn: ({ signal }) => api.findings(uid, signal) });
  const preview = useQuery({ queryKey: keys.signature(uid), queryFn: ({ signal }) => api.signature(uid, signal) });
  const findings = findingsQuery.data?.findings ?? none;
  const verdicts = useVerdicts(uid);
  const marked = useMarked(findings);
  const next = useNextCase(uid);
  useClaim(uid, mayRead && study.signed === null);

  const [layout, setLayout] = useState<LayoutId | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const [tool, setTool] = useState<ToolId>('scroll');
  const [linked, setLinked] = useState(true);
  const [invert, setInvert] = useState<boolean | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const [picked, setSelected] = useState<string | null>(null);
  const [modes, setModes] = useState<Readonly<Record<string, CardMode>>>({});
  const [marksOn, setMarksOn] = useState(true);
  const [tab, setTab] = useState<'findings' | 'results'>('findings');
  const [adding, setAdding] = useState<{ place: Place | null } | null>(null);
  const [asking, setAsking] = useState(false);
  const [why, setWhy] = useState(false);
  const [help, setHelp] = useState(false);
  const [views, setViews] = useState<readonly PortView[]>([]);
  const [desk, setDesk] = useState<Desk | null>(null);

  const series = study.series;
  const geometry = study.geometry;
  const shape = JSON.stringify([series.map((one) => [one.series_uid, one.images]), geometry]);
  const hanging = useMemo(() => hang(series, geometry, means, layout, chosen), [shape, means, layout, chosen]); // eslint-disable-line
  const layouts = useMemo(() => layoutsFor(series, geometry, means), [shape, means]); // eslint-disable-line

  const selected = picked && findings.some((one) => one.id === picked) ? picked : (findings.find((one) => one.state === 'proposed')?.id ?? findings[0]?.id ?? null);
  const current = findings.find((one) => one.id === selected) ?? null;
  const activeId = active && hanging?.ports.some((one) => one.id === active) ? active : (hanging?.ports[0]?.id ?? null);
  const activeView = views.find((one) => one.id === activeId) ?? null;
  const invertPet = invert ?? theme === 'light';
  const closed = study.signed !== null || (preview.data?.signed ?? null) !== null;

  const jump = useCallback((finding: Finding) => {
    const centre = vec3(finding.region.centre_mm);
    setSelected(finding.id);
    if (centre && finding.region.kind !== 'none') desk?.jump(centre, finding.region.frame_of_reference_uid || null);
  }, [desk]);
  const select = useCallback((finding: Finding) => setSelected(finding.id), []);
  const mode = useCallback((finding: Finding, to: CardMode) => {
    setSelected(finding.id);
    setModes((old) => ({ ...old, [finding.id]: to }));
  }, []);
  const give = (finding: Finding, verdict: VerdictKind, more: { reason?: string; comment?: string; changes?: FindingChanges } = {}) => {
    if (!mayRead || closed) return;
    verdicts.give(finding, {
      verdict,
      reason: more.reason ? { code: more.reason } : null,
      comment: more.comment ?? '',
      ...(more.changes ? { changes: more.changes } : {}),
    });
    setModes((old) => ({ ...old, [finding.id]: 'read' }));
    const waiting = new Set([...verdicts.store.get().pending.map((one) => one.finding), finding.id]);
    setSelected(nextOpen(findings, finding.id, waiting));
  };
  const undo = async () => {
    const last = verdicts.done().at(-1);
    const finding = findings.find((one) => one.id === last) ?? (current && current.verdicts.some((one) => !one.undone) ? current : null);
    if (finding && !closed) {
      const said = await verdicts.undo(finding);
      setSelected(finding.id);
      toast(said === null ? t('study.verdict.undone', { number: finding.number }) : t('study.verdict.failed', { said }));
    } else if (!undoMeasurement()) toast(t('study.verdict.nothing'));
  };
  const overrule = (finding: Finding) => {
    const pending = verdicts.drafts.pending.find((one) => one.finding === finding.id);
    if (pending) verdicts.overrule(pending, finding);
  };
  const choose = (to: ToolId) => {
    setTool(to);
    if (desk) chooseTool(desk.engineId, to);
  };
  const show = (uidOfSeries: string) => {
    setChosen(uidOfSeries);
    const kept = layout ?? hanging?.layout ?? null;
    const fits = hang(series, geometry, means, kept, uidOfSeries)?.ports.some((one) => one.series === uidOfSeries) ?? false;
    if (!fits) setLayout('one');
  };
  const turnLayout = () => {
    const at = layouts.indexOf(hanging?.layout ?? 'one');
    setLayout(layouts[(at + 1) % layouts.length] ?? null);
  };
  const activeLoaded = activeView ? (desk?.loaded(activeView.spec.series) ?? null) : null;
  const presets = activeLoaded ? presetsOf(activeLoaded) : [];
  const setRange = (range: { low: number; high: number }) => {
    if (activeId) desk?.setRange(activeId, range);
  };
  const preset = (at: number) => {
    const one = presets[at];
    if (one) setRange(one);
  };
  const step = (by: 1 | -1): boolean => {
    const at = findings.findIndex((one) => one.id === selected);
    if (findings.length === 0 || (by > 0 && at === findings.length - 1) || (by < 0 && at <= 0)) return false;
    const to = neighbour(findings, selected, by);
    setSelected(to);
    return true;
  };
  const pick = useCallback((port: string, x: number, y: number) => {
    const place = desk?.pick(port, x, y) ?? null;
    if (place) setAdding({ place });
  }, [desk]);
  const full = () => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void document.documentElement.requestFullscreen().catch(() => undefined);
  };
  const geometryOf = (view: PortView) => geometry.find((one) => one.series_uid === view.spec.series) ?? null;
  const off = activeView ? unmeasured(activeView, geometryOf(activeView)?.measurable ?? true, geometryOf(activeView)?.text ?? null) : null;
  const measure = (to: ToolId) => {
    if (!measuring.includes(to) || off === null) choose(to);
    else toast(t('study.measure.off', { why: off }));
  };
  const withCurrent = (act: (finding: Finding) => void) => () => {
    if (current && mayRead && !closed && current.state !== 'withdrawn') act(current);
  };

  /** Esc takes back the nearest open thing; only then it leaves the study. */
  const leave = () => {
    const busy = current && (modes[current.id] ?? 'read') !== 'read' ? current : null;
    if (adding) setAdding(null);
    else if (busy) mode(busy, 'read');
    else if (tool !== 'scroll') choose('scroll');
    else navigate(hrefOf({ page: 'worklist' }));
  };

  useKeys([
    { key: 'ArrowUp', words: t('study.key.scroll'), shown: '↑ ↓', run: () => activeId && desk?.scroll(activeId, -1) },
    { key: 'ArrowDown', run: () => activeId && desk?.scroll(activeId, 1) },
    { key: 'PageUp', run: () => activeId && desk?.scroll(activeId, -10) },
    { key: 'PageDown', run: () => activeId && desk?.scroll(activeId, 10) },
    { key: 'w', words: t('study.key.window'), run: () => choose(tool === 'window' ? 'scroll' : 'window') },
    { key: '1', words: t('study.key.presets'), shown: '1 – 4', run: () => preset(0) },
    { key: '2', run: () => preset(1) },
    { key: '3', run: () => preset(2) },
    { key: '4', run: () => preset(3) },
    { key: 'z', words: t('study.tool.zoom'), run: () => choose(tool === 'zoom' ? 'scroll' : 'zoom') },
    { key: 'm', words: t('study.tool.length'), run: () => measure('length') },
    { key: 'o', words: t('study.tool.area'), run: () => measure('area') },
    { key: 'v', words: t('study.tool.probe'), run: () => measure('probe') },
    { key: 'l', words: t('study.tool.layout'), run: turnLayout },
    { key: 'x', words: t('study.tool.invert'), run: () => setInvert(!invertPet) },
    { key: ' ', words: t('study.key.marks'), shown: 'Space', run: () => setMarksOn((on) => !on) },
    { key: 'j', words: t('study.key.jump'), run: () => current && jump(current) },
    { key: 'c', words: t('study.verdict.confirm'), run: withCurrent((one) => give(one, 'confirm')) },
    { key: 'e', words: t('study.verdict.edit'), run: withCurrent((one) => mode(one, 'edit')) },
    { key: 'r', words: t('study.key.reject'), run: withCurrent((one) => mode(one, 'reject')) },
    { key: 'd', words: t('study.verdict.defer'), run: withCurrent((one) => give(one, 'defer')) },
    { key: 'a', words: t('study.find.add'), run: () => { if (mayRead && !closed) setAdding((old) => (old ? null : { place: null })); } },
    { key: 'u', words: t('study.key.undo'), run: () => void undo() },
    { key: 'Ctrl+z', run: () => void undo() },
    { key: 's', words: t('study.key.sign'), run: () => setAsking(true) },
    { key: 'n', words: t('study.next.case'), run: () => (next ? navigate(hrefOf({ page: 'study', studyUid: next.study_uid })) : toast(t('study.next.none'))) },
    { key: 'i', words: t('study.why'), run: () => setWhy((open) => !open) },
    { key: 'f', words: t('study.tool.full'), run: full },
    { key: '?', run: () => setHelp(true) },
    { key: 'Escape', words: t('study.back'), shown: 'Esc', run: leave },
  ]);

  const imageOf = (finding: Finding): number | null => {
    const loaded = desk?.loaded(finding.region.series_uid) ?? null;
    const centre = vec3(finding.region.centre_mm);
    const first = loaded?.frames[0];
    const normal = first ? normalOf(first) : null;
    if (!loaded || !centre || !normal || finding.region.kind === 'none') return null;
    let best = 0;
    let least = Infinity;
    loaded.frames.forEach((frame, at) => {
      const away = frame.position ? Math.abs(dot(sub(frame.position, centre), normal)) : Infinity;
      if (away < least) [best, least] = [at, away];
    });
    return Number.isFinite(least) ? best + 1 : null;
  };

  return (
    <div className="app rd">
      <AppHeader>
        <StudyHeader study={study} next={next} why={why} onWhy={setWhy} />
      </AppHeader>
      <ImageToolbar
        tool={tool}
        presets={presets}
        preset={presetOf(presets, activeView?.range ?? null)}
        range={activeView?.range ?? null}
        layouts={layouts}
        layout={hanging?.layout ?? null}
        linked={linked}
        invertPet={invertPet}
        hasPet={series.some((one) => one.modality === 'PT')}
        unmeasured={off}
        mayUndo={!closed}
        onTool={(to) => choose(to)}
        onRange={setRange}
        onLayout={setLayout}
        onLinked={setLinked}
        onInvert={setInvert}
        onUndo={() => void undo()}
        onReset={() => desk?.reset()}
        onFull={full}
        onKeys={() => setHelp(true)}
      />
      <main className="desk" aria-label={t('study.title')}>
        <SeriesList study={study} hanging={hanging} onShow={show} onResults={() => setTab('results')} />
        <Ports
          study={study}
          hanging={hanging}
          invertPet={invertPet}
          linked={linked}
          marked={marked}
          selected={selected}
          activeId={activeId}
          picking={adding !== null && !closed}
          marksOn={marksOn}
          fusionTop={fusionLook.top}
          volumes={means.volumes}
          onDesk={setDesk}
          onViews={setViews}
          onActive={setActive}
          onJump={jump}
          onPick={pick}
          onNext={step}
        />
        <Findings
          study={study}
          findings={findingsQuery.data ? findings : null}
          failed={findingsQuery.error}
          retry={() => void findingsQuery.refetch()}
          selected={selected}
          me={user.name}
          modes={modes}
          drafts={verdicts.drafts}
          store={verdicts.store}
          marksOn={marksOn}
          mayRead={mayRead}
          closed={closed}
          tab={tab}
          adding={closed ? null : adding}
          imageOf={imageOf}
          onTab={setTab}
          onMarks={setMarksOn}
          onSelect={select}
          onJump={jump}
          onMode={mode}
          onVerdict={give}
          onOverrule={overrule}
          onDiscard={(finding) => verdicts.discard(finding.id)}
          onTry={(finding) => verdicts.tryNow(finding.id)}
          onAdd={(on) => setAdding(on ? { place: null } : null)}
          onAdded={(finding) => {
            setAdding(null);
            setSelected(finding.id);
            void client.invalidateQueries({ queryKey: keys.study(uid) });
          }}
        />
      </main>
      <SignBar
        study={uid}
        patient={patientTitle(study.patient)}
        reader={user.display || user.name}
        findings={findings}
        preview={preview.data ?? null}
        failed={preview.error}
        unsaved={verdicts.drafts.pending.filter((one) => one.state === 'waiting').length}
        mayRead={mayRead}
        asking={asking && !closed && findings.some(isReviewed)}
        onAsk={setAsking}
        onSigned={() => {
          setAsking(false);
          setTab('results');
          toast(t('study.sign.done'));
          void client.invalidateQueries({ queryKey: keys.study(uid) });
          void client.invalidateQueries({ queryKey: keys.worklist });
        }}
        onChanged={() => void client.invalidateQueries({ queryKey: keys.study(uid) })}
        onSelect={setSelected}
      />
      {help ? <KeyHelp onClose={() => setHelp(false)} /> : null}
    </div>
  );
}
