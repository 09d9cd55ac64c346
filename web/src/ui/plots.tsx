// The small plots. Position and length first, pattern second, hue never alone; scales start at 0; each says itself as a sentence.
import { useId } from 'react';
import { count, percent, waitWords, waitShort, type WaitShape } from '@/logic/format';
import { t } from '@/messages';

/** Grey = waited, tick = target, stripes = past target, bracket = cap. Times in minutes. */
export function WaitBar({ wait }: { wait: WaitShape }) {
  const end = Math.max(wait.cap, 1);
  const waited = Math.min(100, (wait.elapsed / end) * 100);
  const target = Math.min(100, (wait.target / end) * 100);
  const label = t('wait.sentence', { elapsed: waitWords(wait.elapsed), target: waitWords(wait.target), cap: waitWords(wait.cap) });
  return (
    <span className={`wait ${wait.nearCap ? 'near' : ''}`} role="meter" aria-label={t('wait.label')} aria-valuemin={0} aria-valuemax={Math.round(end)}
      aria-valuenow={Math.max(0, Math.min(Math.round(wait.elapsed), Math.round(end)))} aria-valuetext={label}>
      <i style={{ width: `${Math.min(waited, target)}%` }} />
      {waited > target ? <i className="over" style={{ left: `${target}%`, width: `${waited - target}%` }} /> : null}
      <b style={{ left: `${target}%` }} />
      <u />
    </span>
  );
}

export const targetAndCap = (wait: WaitShape): string => `${waitShort(wait.target)}/${waitShort(wait.cap)}`;

/** Place now and without AI on the whole list. */
export function Ladder({ now, without, total }: { now: number; without: number; total: number }) {
  const width = 332;
  // In a very long list both places would fall on one dot: the line then ends early, and says so.
  const far = Math.max(now, without, 2);
  const short = total > 8 * far;
  const last = short ? 3 * far : Math.max(total, far);
  const x = (place: number): number => 6 + ((place - 1) / (last - 1)) * (width - 12);
  const a = x(now);
  const b = x(without);
  const up = without > now;
  const labelRight = b > width - 70;
  return (
    <div className="ladder">
      <svg viewBox={`0 0 ${width} 34`} preserveAspectRatio="xMinYMid meet" role="img" aria-label={t('ladder.sentence', { now, without, total })}>
        <line x1="6" x2={width - 6} y1="12" y2="12" stroke="var(--plot-track)" strokeWidth="4" strokeLinecap="round" />
        {Math.abs(b - a) > 14 ? <line x1={up ? a + 7 : a - 7} x2={up ? b - 6 : b + 6} y1="12" y2="12" stroke={up ? 'var(--ai)' : 'var(--text-3)'} strokeWidth="2" strokeDasharray="5 3" /> : null}
        {Math.abs(b - a) > 24 ? <path d={up ? `M${a + 13} 8l-5 4 5 4` : `M${a - 13} 8l5 4-5 4`} fill="none" stroke={up ? 'var(--ai)' : 'var(--text-3)'} strokeWidth="2" /> : null}
        <circle cx={b} cy="12" r="4.5" fill="var(--bg-2)" stroke="var(--text-3)" strokeWidth="1.5" />
        <circle cx={a} cy="12" r="5" fill="var(--text-1)" />
        <g fontSize="11" fill="var(--text-3)">
          <text x={Math.max(a, 8)} y="31" textAnchor="middle" fill="var(--text-1)" fontWeight="600">{count(now)}</text>
          <text x={labelRight ? width : Math.max(b, 52)} y="31" textAnchor={labelRight ? 'end' : 'middle'}>{t('ladder.without', { n: without })}</text>
          {labelRight ? null : <text x={width} y="31" textAnchor="end">{short ? '… ' : ''}{count(total)}</text>}
        </g>
      </svg>
    </div>
  );
}

/** Dot = share, thick bar = 95 % Wilson interval; the interval comes from the node. */
export function SharePlot({ confirmed, n, share, low, high, width = 206, axis = false }: {
  confirmed: number; n: number; share: number; low: number; high: number; width?: number; axis?: boolean;
}) {
  const x = (value: number): number => 4 + value * (width - 8);
  const height = axis ? 26 : 14;
  return (
    <svg className="plot" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img"
      aria-label={t('share.sentence', { confirmed, n, share: percent(share), low: percent(low), high: percent(high) })}>
      {[0, 0.25, 0.5, 0.75, 1].map((value) => (
        <g key={value}>
          <line x1={x(value)} x2={x(value)} y1="1" y2="13" stroke="var(--plot-grid)" />
          {axis ? <text x={x(value)} y="25" fontSize="10.5" fill="var(--text-3)" textAnchor={value === 0 ? 'start' : value === 1 ? 'end' : 'middle'}>{value * 100}{value === 1 ? ' %' : ''}</text> : null}
        </g>
      ))}
      <line x1={x(low)} x2={x(high)} y1="7" y2="7" stroke="var(--plot-fill)" strokeWidth="4" />
      <circle cx={x(share)} cy="7" r="4.5" fill="var(--plot-strong)" />
    </svg>
  );
}

export type StackKind = 'solid' | 'strong' | 'hatch' | 'danger';
const fillOf = (kind: StackKind, hatch: string): string =>
  ({ solid: 'var(--plot-fill)', strong: 'var(--plot-strong)', hatch: `url(#${hatch})`, danger: 'var(--danger)' })[kind];

/** Parts of a whole: solid done, hatched refused, red failed. */
export function StackPlot({ parts, width = 190, height = 10 }: { parts: { n: number; kind: StackKind; word: string }[]; width?: number; height?: number }) {
  const id = useId();
  const total = parts.reduce((sum, part) => sum + part.n, 0);
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.n, 0));
  return (
    <svg className="plot" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={parts.map((part) => `${count(part.n)} ${part.word}`).join(', ')}>
      <defs>
        <pattern id={id} width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="4" height="4" fill="var(--plot-track)" /><rect width="1.6" height="4" fill="var(--plot-fill)" />
        </pattern>
      </defs>
      <rect width={width} height={height} fill="var(--plot-track)" />
      {total === 0 ? null : parts.map((part, index) => {
        const full = (part.n / total) * width;
        return part.n === 0 ? null
          : <rect key={part.word} x={((starts[index] ?? 0) / total) * width} width={Math.max(1.5, full > 4 ? full - 1 : full)} height={height} fill={fillOf(part.kind, id)} />;
      })}
    </svg>
  );
}

/** Line from 0; the largest value stands in words. */
export function Spark({ values, label, height = 56 }: { values: readonly number[]; label: string; height?: number }) {
  const width = 260;
  const top = Math.max(...values, 1) * 1.08;
  const x = (index: number): number => 1 + (index / Math.max(values.length - 1, 1)) * (width - 2);
  const y = (value: number): number => height - 2 - (value / top) * (height - 6);
  const path = values.map((value, index) => `${index === 0 ? 'M' : 'L'}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join('');
  return (
    <svg className="plot" viewBox={`0 0 ${width} ${height}`} width="100%" height={height} preserveAspectRatio="none" role="img" aria-label={label}>
      <line x1="0" x2={width} y1={height - 1.5} y2={height - 1.5} stroke="var(--plot-grid)" />
      {values.length === 0 ? null : (
        <>
          <path d={`${path}L${x(values.length - 1)} ${height - 2}L1 ${height - 2}Z`} fill="var(--plot-fill)" opacity=".16" />
          <path d={path} fill="none" stroke="var(--plot-strong)" strokeWidth="1.5" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}

export function Bars({ rows }: { rows: { word: string; n: number; text?: string }[] }) {
  const top = Math.max(...rows.map((row) => row.n), 8);
  return (
    <div className="bars">
      {rows.map((row) => (
        <div key={row.word} className="bar-row">
          <span className="cut">{row.word}</span>
          <span className="bt" aria-hidden="true"><i style={{ width: `${(row.n / top) * 100}%` }} /></span>
          <span className="num">{row.text ?? row.n}</span>
        </div>
      ))}
    </div>
  );
}
