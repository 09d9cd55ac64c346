import { useCallback, useMemo, useState } from 'react';
import type { Finding, Study } from '@/api/types';
import { usePreferences } from '@/app/preferences';
import { toast } from '@/app/toast';
import { t } from '@/messages';
import type { Desk, PortView } from './engine/desk';
import { chooseTool, measuring, type ToolId } from './engine/tools';
import { normalOf } from './model/frames';
import { hang, layoutsFor, type Hanging, type LayoutId } from './model/hanging';
import { dot, sub, vec3 } from './model/vec';
import { presetOf, type Preset, type Range } from './model/windows';
import { presetsOf, unmeasured } from './ui/portWords';

export interface Images {
  readonly desk: Desk | null;
  readonly setDesk: (desk: Desk | null) => void;
  readonly setViews: (views: readonly PortView[]) => void;
  readonly hanging: Hanging | null;
  readonly layouts: readonly LayoutId[];
  readonly setLayout: (layout: LayoutId) => void;
  readonly turnLayout: () => void;
  readonly show: (series: string) => void;
  readonly tool: ToolId;
  readonly choose: (tool: ToolId) => void;
  readonly linked: boolean;
  readonly setLinked: (linked: boolean) => void;
  readonly invertPet: boolean;
  readonly setInvert: (inverted: boolean) => void;
  readonly activeId: string | null;
  readonly setActive: (port: string) => void;
  readonly presets: readonly Preset[];
  readonly preset: Preset | null;
  readonly range: Range | null;
  readonly setRange: (range: Range) => void;
  /** why nothing is measured in the active port, or null */
  readonly unmeasured: string | null;
  readonly scroll: (by: number) => void;
  readonly imageOf: (finding: Finding) => number | null;
}

/** The hanging of a study; changes only when series, their images or their geometry change, or the reader chooses. */
function useHanging(study: Study, means: { volumes: boolean }, layout: LayoutId | null, chosen: string | null) {
  const shape = JSON.stringify([study.series.map((one) => [one.series_uid, one.images]), study.geometry.map((one) => [one.series_uid, one.state])]);
  const [kept, keep] = useState({ shape, study });
  if (kept.shape !== shape) keep({ shape, study });
  const source = kept.shape === shape ? kept.study : study;
  const hanging = useMemo(() => hang(source.series, source.geometry, means, layout, chosen), [source, means, layout, chosen]);
  const layouts = useMemo(() => layoutsFor(source.series, source.geometry, means), [source, means]);
  return { hanging, layouts };
}

/** Which image of its series lies nearest to the centre of a finding, from 1. */
function imageNumber(desk: Desk | null, finding: Finding): number | null {
  const loaded = desk?.loaded(finding.region.series_uid) ?? null;
  const centre = vec3(finding.region.centre_mm);
  const first = loaded?.frames[0];
  const normal = first ? normalOf(first) : null;
  if (!loaded || !centre || !normal || finding.region.kind === 'none') return null;
  const away = loaded.frames.map((frame) => (frame.position ? Math.abs(dot(sub(frame.position, centre), normal)) : Infinity));
  const least = Math.min(...away);
  return Number.isFinite(least) ? away.indexOf(least) + 1 : null;
}

export function useImages(study: Study, means: { volumes: boolean }): Images {
  const { theme } = usePreferences();
  const [desk, setDesk] = useState<Desk | null>(null);
  const [views, setViews] = useState<readonly PortView[]>([]);
  const [layout, setLayout] = useState<LayoutId | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const [tool, setTool] = useState<ToolId>('scroll');
  const [linked, setLinked] = useState(true);
  const [invert, setInvert] = useState<boolean | null>(null);
  const [active, setActive] = useState<string | null>(null);
  const { hanging, layouts } = useHanging(study, means, layout, chosen);

  const activeId = active && hanging?.ports.some((one) => one.id === active) ? active : (hanging?.ports[0]?.id ?? null);
  const view = views.find((one) => one.id === activeId) ?? null;
  const loaded = view ? (desk?.loaded(view.spec.series) ?? null) : null;
  const presets = loaded ? presetsOf(loaded) : [];
  const geometry = view ? study.geometry.find((one) => one.series_uid === view.spec.series) : undefined;
  const off = view ? unmeasured(view, geometry?.measurable ?? true, geometry?.text ?? null) : null;

  const choose = (to: ToolId) => {
    if (measuring.includes(to) && off !== null) {
      toast(t('study.measure.off', { why: off }));
      return;
    }
    setTool(to);
    if (desk) chooseTool(desk.engineId, to);
  };
  const show = (series: string) => {
    setChosen(series);
    const fits = hang(study.series, study.geometry, means, layout ?? hanging?.layout ?? null, series)?.ports.some((one) => one.series === series) ?? false;
    if (!fits) setLayout('one');
  };
  return {
    desk,
    setDesk,
    setViews,
    hanging,
    layouts,
    setLayout,
    turnLayout: () => setLayout(layouts[(layouts.indexOf(hanging?.layout ?? 'one') + 1) % layouts.length] ?? null),
    show,
    tool,
    choose,
    linked,
    setLinked,
    invertPet: invert ?? theme === 'light',
    setInvert,
    activeId,
    setActive,
    presets,
    preset: presetOf(presets, view?.range ?? null),
    range: view?.range ?? null,
    setRange: useCallback((range: Range) => { if (activeId) desk?.setRange(activeId, range); }, [desk, activeId]),
    unmeasured: off,
    scroll: useCallback((by: number) => { if (activeId) desk?.scroll(activeId, by); }, [desk, activeId]),
    imageOf: (finding) => imageNumber(desk, finding),
  };
}
