import type { Finding } from '@/api/types';
import { t } from '@/messages';
import type { PortView } from '../engine/desk';
import { boxOf, cut, patternOf, sliceGap, svgPath, type Canvas2, type Outline, type Pattern } from '../model/marks';
import type { MarkedFinding } from '../model/review';
import { dot, offPlane, sub, vec3, type Vec3 } from '../model/vec';
import { stateWords } from './findingWords';

interface Props {
  readonly view: PortView;
  readonly marked: readonly MarkedFinding[];
  readonly selected: string | null;
  readonly active: boolean;
  readonly onJump: (finding: Finding) => void;
}
interface Mark {
  readonly finding: Finding;
  readonly pattern: Exclude<Pattern, null>;
  readonly path: string;
  readonly ring: { x: number; y: number; r: number } | null;
  readonly tick: { from: Canvas2; to: Canvas2 } | null;
  readonly label: { x: number; y: number };
  readonly full: boolean;
  readonly anchor: Canvas2;
}

const className = (pattern: Pattern): string => (pattern === 'proposed' || pattern === null ? '' : pattern);

function inFrame(view: PortView, finding: Finding): boolean {
  const own = view.frame?.frameOfReference ?? null;
  const wanted = finding.region.frame_of_reference_uid;
  return own === null || !wanted || own === wanted || finding.region.series_uid === view.spec.series;
}

/** Half the extent of a region along a direction, in millimetres. */
function reach(finding: Finding, normal: Vec3, outline: Outline | null): number {
  const bounds = finding.region.bounds_mm;
  const slack = outline ? sliceGap(outline) / 2 : 1.5;
  if (!bounds) return outline?.radius_mm ?? 3;
  const [low, high] = bounds;
  return (Math.abs((high[0] - low[0]) * normal[0]) + Math.abs((high[1] - low[1]) * normal[1]) + Math.abs((high[2] - low[2]) * normal[2])) / 2 + slack;
}

function radiusOf(one: MarkedFinding): number {
  const bounds = one.finding.region.bounds_mm;
  if (one.outline?.radius_mm) return one.outline.radius_mm;
  return bounds ? Math.max(...[0, 1, 2].map((axis) => (bounds[1][axis] ?? 0) - (bounds[0][axis] ?? 0))) / 2 : 0;
}

function onProjection(view: PortView, one: MarkedFinding, selected: boolean, pattern: Mark['pattern']): Mark | null {
  const centre = vec3(one.outline?.centre_mm ?? one.finding.region.centre_mm);
  if (!centre) return null;
  const [x, y] = view.project(centre);
  const r = Math.max(13, radiusOf(one) / (view.mmPerPixel ?? 1) + 4);
  const finding = one.finding;
  if (pattern === 'proposed' && !selected) {
    return { finding, pattern, path: '', ring: null, tick: { from: [x + 9, y + 9], to: [x + r + 5, y + 13] }, label: { x: x + r + 6, y: y + 5 }, full: false, anchor: [x, y] };
  }
  const left = x < view.width * 0.42 && x - r - 26 > 2;
  return { finding, pattern, path: '', ring: { x, y, r }, tick: null, label: { x: left ? x - r - 26 : x + r + 6, y: y - 9 }, full: false, anchor: [x, y] };
}

function onCut(view: PortView, one: MarkedFinding, selected: boolean, active: boolean, pattern: Mark['pattern']): Mark | null {
  const { plane } = view;
  const { finding, outline } = one;
  const centre = vec3(outline?.centre_mm ?? finding.region.centre_mm);
  if (!plane || !centre || !inFrame(view, finding)) return null;
  if (Math.abs(offPlane(plane, centre)) > Math.max(reach(finding, plane.normal, outline), 2)) return null;
  const rings = outline ? cut(outline, plane).map((ring) => ring.map((point) => view.project(point))) : [];
  const [cx, cy] = view.project(centre);
  const box = boxOf(rings) ?? { left: cx - 7, right: cx + 7, top: cy - 7, bottom: cy + 7 };
  const full = active && selected;
  if (pattern === 'proposed' && !selected) {
    return { finding, pattern, path: '', ring: null, tick: { from: [box.right - 1, box.top + 2], to: [box.right + 6, box.top - 4] }, label: { x: box.right + 5, y: box.top - 16 }, full: false, anchor: [cx, cy] };
  }
  const ring = rings.length === 0 ? { x: cx, y: cy, r: Math.max(6, radiusOf(one) / (view.mmPerPixel ?? 1)) } : null;
  if (ring && outline && outline.slices.length > 0) return null;
  return { finding, pattern, path: svgPath(rings), ring, tick: null, label: { x: box.right + 4, y: box.top - 16 }, full, anchor: [cx > view.width / 2 ? box.right : box.left, box.top + 2] };
}

export function marksOf(view: PortView, marked: readonly MarkedFinding[], selected: string | null, active: boolean): readonly Mark[] {
  if (!view.ready) return [];
  return marked.flatMap((one) => {
    const pattern = patternOf(one.finding.state);
    if (!pattern || one.finding.region.kind === 'none') return [];
    const on = one.finding.id === selected;
    const mark = view.spec.kind === 'mip' ? onProjection(view, one, on, pattern) : onCut(view, one, on, active, pattern);
    return mark ? [mark] : [];
  });
}

/** Marks lie over the picture, never in it: one svg, and labels in the page's own text. */
export function PortMarks({ view, marked, selected, active, onJump }: Props) {
  const marks = marksOf(view, marked, selected, active);
  return (
    <>
      <svg className="marks" aria-hidden="true">
        {marks.map((mark) => (
          <Drawn key={mark.finding.id} mark={mark} view={view} />
        ))}
      </svg>
      {marks.map((mark) => (
        <Label key={mark.finding.id} mark={mark} view={view} onJump={onJump} />
      ))}
    </>
  );
}

const labelTop = 70;
function Drawn({ mark, view }: { mark: Mark; view: PortView }) {
  const kind = `mk ${className(mark.pattern)}`;
  const right = mark.anchor[0] > view.width / 2;
  const lead = `M${right ? view.width - 160 : 150} ${labelTop + 24}L${mark.anchor[0].toFixed(1)} ${mark.anchor[1].toFixed(1)}`;
  return (
    <g className={kind} data-finding={mark.finding.number} data-state={mark.finding.state}>
      {mark.path ? (
        <>
          <path className="h" d={mark.path} />
          <path className="l" d={mark.path} />
        </>
      ) : null}
      {mark.ring ? (
        <>
          <circle className="h" cx={mark.ring.x} cy={mark.ring.y} r={mark.ring.r} />
          <circle className="l" cx={mark.ring.x} cy={mark.ring.y} r={mark.ring.r} />
        </>
      ) : null}
      {mark.tick ? <Line from={mark.tick.from} to={mark.tick.to} /> : null}
      {mark.full ? (
        <>
          <path className="ldh" fill="none" d={lead} />
          <path className="l ld" d={lead} />
        </>
      ) : null}
    </g>
  );
}

function Line({ from, to }: { from: Canvas2; to: Canvas2 }) {
  const d = `M${from[0].toFixed(1)} ${from[1].toFixed(1)}L${to[0].toFixed(1)} ${to[1].toFixed(1)}`;
  return (
    <>
      <path className="ldh" fill="none" d={d} />
      <path className="l ld" d={d} />
    </>
  );
}

function Label({ mark, view, onJump }: { mark: Mark; view: PortView; onJump: (finding: Finding) => void }) {
  const { finding, full } = mark;
  const words = t('study.mark.go', { number: finding.number, state: stateWords(finding) });
  const kind = className(mark.pattern);
  if (full) {
    const right = mark.anchor[0] > view.width / 2;
    const by = finding.tool ? `${finding.tool.id} ${finding.tool.version}${finding.tool.demonstrator ? `, ${t('tool.demonstrator')}` : ''}` : (finding.author?.name ?? '');
    return (
      <button type="button" tabIndex={-1} className={`lab ${kind}`} style={{ [right ? 'right' : 'left']: 10, top: labelTop, minWidth: 138, textAlign: 'left' }} onClick={() => onJump(finding)}>
        <b>{finding.number}</b> {stateWords(finding)}
        <small>{by}</small>
      </button>
    );
  }
  const { x, y } = mark.label;
  if (x < 0 || y < 0 || x > view.width - 16 || y > view.height - 14) return null;
  return (
    <button type="button" tabIndex={-1} className={`lab n ${kind}`} style={{ left: x, top: y }} aria-label={words} onClick={() => onJump(finding)}>
      {finding.number}
    </button>
  );
}

/** Where other ports cut this one: short strokes at its edges. */
export function CutTicks({ view, others }: { view: PortView; others: readonly PortView[] }) {
  if (!view.ready || !view.plane || !view.right || !view.up) return null;
  const { plane, right, up } = view;
  const lines = others.flatMap((other) => {
    if (other.id === view.id || !other.ready || !other.plane || other.spec.kind === 'mip') return [];
    const along = Math.abs(dot(other.plane.normal, plane.normal));
    if (along > 0.2) return [];
    const rise = dot(other.plane.normal, up);
    const run = dot(other.plane.normal, right);
    if (Math.abs(rise) < 0.9 && Math.abs(run) < 0.9) return [];
    const away = dot(sub(other.plane.point, plane.point), other.plane.normal);
    const [x, y] = view.project([
      plane.point[0] + other.plane.normal[0] * away,
      plane.point[1] + other.plane.normal[1] * away,
      plane.point[2] + other.plane.normal[2] * away,
    ]);
    return Math.abs(rise) >= 0.9 ? [`M0 ${y.toFixed(1)}h10M${view.width - 10} ${y.toFixed(1)}h10`] : [`M${x.toFixed(1)} 0v10M${x.toFixed(1)} ${view.height - 10}v10`];
  });
  const paths = [...new Set(lines)];
  if (paths.length === 0) return null;
  return (
    <svg className="marks cuts" aria-hidden="true">
      {paths.map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  );
}

const lengths = [200, 100, 50, 20, 10, 5];
/** A scale of a round length at the lower right; none where the spacing is unknown. */
export function ScaleBar({ view }: { view: PortView }) {
  const mm = view.mmPerPixel;
  if (!view.ready || mm === null || mm <= 0) return null;
  const length = lengths.find((one) => one / mm <= view.height / 4.2) ?? 5;
  const pixels = length / mm;
  const steps = 5;
  const x = view.width - 14;
  const y = view.height - 14;
  const d = `M${x} ${y}v${-pixels}${Array.from({ length: steps + 1 }, (_, at) => `M${x} ${y - (at * pixels) / steps}h${at % steps === 0 ? -8 : -4}`).join('')}`;
  return (
    <>
      <svg className="marks scale" aria-hidden="true">
        <path d={d} />
      </svg>
      <span className="ov sc">{length >= 10 ? `${length / 10} cm` : `${length} mm`}</span>
    </>
  );
}
