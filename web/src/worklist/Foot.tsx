import type { WorklistRow } from '@/api/types';
import { count, waitShape, waitWords } from '@/logic/format';
import { patientTitle } from '@/logic/names';
import { levels, type Filters } from '@/logic/worklist';
import { t } from '@/messages';
import { LevelTag } from '@/ui/pieces';

export function Foot({ rows, filters, total, loaded, partial, now }: { rows: readonly WorklistRow[]; filters: Filters; total: number; loaded: number; partial: boolean; now: number }) {
  const waits = rows.filter((row) => row.state !== 'signed').map((row) => ({ row, wait: waitShape(row.wait, now) }));
  const longest = waits.toSorted((a, b) => b.wait.elapsed - a.wait.elapsed)[0];
  const n = partial ? rows.length : total;
  return (
    <div className="wfoot">
      <span>{filters.status === 'open' ? t('list.foot.read', { n }) : t('list.foot.total', { n })}</span>
      {levels.map((level) => <LevelTag key={level} level={level} text={count(rows.filter((row) => row.level === level).length)} />)}
      <span className="hd-sep" />
      <span>{t('list.foot.over')} <b className="strong">{count(waits.filter(({ wait }) => wait.over).length)}</b></span>
      <span>{t('list.foot.cap')} <b className="strong">{count(waits.filter(({ wait }) => wait.pastCap).length)}</b></span>
      {loaded < total ? <span className="dim">{partial ? t('list.partial', { n: loaded, total }) : t('list.counted', { n: loaded })}</span> : null}
      {longest === undefined ? null : <><span className="hd-sep hd-hide" /><span className="hd-hide cut">{t('list.foot.longest', { wait: waitWords(longest.wait.elapsed), cap: waitWords(longest.wait.cap), who: patientTitle(longest.row.patient) })}</span></>}
      <span className="legend" aria-hidden="true"><i className="lg" />{t('list.legend.waited')}<i className="lg t" />{t('list.legend.target')}<i className="lg o" />{t('list.legend.over')}<i className="lg c" />{t('list.legend.cap')}</span>
    </div>
  );
}
