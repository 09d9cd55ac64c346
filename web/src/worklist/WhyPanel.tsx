import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { ToolRun, WorklistRow } from '@/api/types';
import { hrefOf } from '@/app/router';
import { clock, percent, waitShape, waitWords, when } from '@/logic/format';
import { patientTitle, sexAndAge } from '@/logic/names';
import { clockSinceRaised, isMine, reasonKind, type Me } from '@/logic/worklist';
import { t } from '@/messages';
import { Icon, type IconName } from '@/ui/icons';
import { DemoBadge, Kbd, levelWord, LevelTag, ModalityTag, Note } from '@/ui/pieces';
import { Ladder, SharePlot, WaitBar } from '@/ui/plots';
import { Said } from '@/ui/Said';
import { iconOfReason, orderedWord, reasonSentence } from './cells';

const fewest = 10;
const toolIcon: Record<ToolRun['state'], IconName> = { queued: 'queued', running: 'running', done: 'check', refused: 'refused', failed: 'failed', stopped: 'stop', not_applicable: 'dots' };

/** A case that a flag raised can be put back by a person. */
export const canPutBack = (row: WorklistRow): boolean => row.put_back === null && row.state !== 'signed' && row.suggested?.used === true;

function ToolLine({ tool }: { tool: ToolRun }) {
  return (
    <li>
      <Icon name={toolIcon[tool.state]} className={tool.state === 'running' ? 'spin' : ''} />
      <span><b className="strong">{tool.id}</b> {tool.version} · {t(`why.tool.${tool.state}`)} {tool.demonstrator ? <DemoBadge /> : null}</span>
      {tool.message === '' ? null : <small className={tool.state === 'done' ? 'ai' : ''}><Said>{tool.message}</Said></small>}
    </li>
  );
}

function Record({ id }: { id: string }) {
  const tools = useQuery({ queryKey: keys.tools, queryFn: ({ signal }) => api.tools(signal), staleTime: 60_000 });
  const tool = tools.data?.tools.find((card) => card.id === id);
  const reviewed = tool?.reviewed ?? null;
  if (tool === undefined || reviewed === null) return null;
  return (
    <section className="rec">
      <h3>{t('why.record', { tool: tool.id })}</h3>
      {reviewed.n < fewest ? <p className="tiny">{t('why.record.few', { n: reviewed.n })}</p> : (
        <>
          <SharePlot {...reviewed} axis width={332} />
          <p className="tiny">{t('why.record.words', { confirmed: reviewed.confirmed, n: reviewed.n, share: percent(reviewed.share), low: percent(reviewed.low), high: percent(reviewed.high) })}</p>
        </>
      )}
    </section>
  );
}

export function WhyPanel({ row, total, now, me, reader, open, onClose, onPutBack, onRaiseAgain, onTake, onTakeOver }: {
  row: WorklistRow | null; total: number | null; now: number; me: Me; reader: boolean; open: boolean;
  onClose: () => void; onPutBack: () => void; onRaiseAgain: () => void; onTake: () => void; onTakeOver: () => void;
}) {
  if (!open) return null;
  if (row === null) {
    return (
      <aside className="why open" aria-labelledby="why-t">
        <div className="top"><div className="ln"><h2 id="why-t">{t('why.title')}</h2><span className="grow" /><button type="button" className="btn quiet sq" aria-label={t('action.close')} onClick={onClose}><Icon name="x" /></button></div></div>
        <p className="scroll tiny why-none">{t('why.pick')}</p>
      </aside>
    );
  }
  const wait = waitShape(row.wait, now);
  const raised = clockSinceRaised(row);
  const flag = row.reasons.find((reason) => reasonKind(reason.code) === 'flag');
  const flagging = row.tools.find((tool) => !tool.demonstrator && tool.state === 'done');
  const others = row.with !== null && !isMine(row, me);
  const done = row.tools.filter((tool) => tool.state === 'done').length;
  return (
    <aside className="why open" aria-labelledby="why-t">
      <div className="top">
        <div className="ln"><h2 id="why-t">{t('why.title')}</h2><span className="grow" />
          <button type="button" className="btn quiet sq" aria-label={t('action.close')} aria-keyshortcuts="I" title={t('action.close')} onClick={onClose}><Icon name="x" /></button></div>
        <div className="ln who-ln"><span className="pid cut" title={row.patient.id}>{patientTitle(row.patient)}</span><span className="sec nowrap">{sexAndAge(row.patient, now)}</span><ModalityTag modalities={row.modalities} /><span className="sec cut">{row.description}</span></div>
      </div>
      <div className="scroll" tabIndex={0} role="group" aria-labelledby="why-t">
        <section>
          <div className="now">{row.place === 0 ? <b>{t('list.signed')}</b> : <><b>{t('why.place', { n: row.place })}</b>{' '}{total === null ? null : <span className="sec">{t('why.of', { total })}</span>}</>}<span className="grow" /><LevelTag level={row.level} /></div>
          {row.place === row.place_without_ai || row.place === 0 ? null : <Ladder now={row.place} without={row.place_without_ai} total={total ?? Math.max(row.place, row.place_without_ai)} />}
          {row.put_back === null ? null : <div className="why-note"><Note icon="undo">{t('why.putback', { by: row.put_back.by, at: when(row.put_back.at, now), reason: row.put_back.reason })}</Note></div>}
          {others && row.with !== null ? <div className="why-note"><Note icon="lock"><b>{t('why.held', { name: row.with.name, at: clock(row.with.since) })}</b> {t('why.held.note')}</Note></div> : null}
        </section>
        {row.reasons.length === 0 ? null : <section>
          <h3>{t('why.reasons')}</h3>
          <ul className="reasons">
            {row.reasons.map((reason) => (
              <li key={`${reason.code} ${reason.text}`} className={reasonKind(reason.code)}>
                <Icon name={iconOfReason(reason.code)} /><b>{reasonSentence(row, reason, now) ?? <Said>{reason.text}</Said>}</b>
                {reason.since === null ? <span /> : <time dateTime={reason.since}>{t('why.since', { at: when(reason.since, now) })}</time>}
                {reason === flag && row.suggested !== null && row.suggested.text !== reason.text ? <small className="ai"><Said>{row.suggested.text}</Said></small> : null}
              </li>
            ))}
          </ul>
        </section>}
        <section>
          <h3>{t('why.ordered')}</h3>
          <dl className="kv">
            <dt>{t('why.ordered.is')}</dt><dd>{orderedWord(row.ordered.level)} <span className="dim"><Said>{row.ordered.text}</Said></span></dd>
            <dt>{t('why.suggested.is')}</dt>
            <dd>{row.suggested === null ? <span className="dim">{t('why.suggested.nothing')}</span> : <><span className="ai"><Icon name="flag" small /> {levelWord(row.suggested.level)}</span>{row.suggested.used ? null : <span className="dim"> {t('list.notused')}</span>}</>}</dd>
          </dl>
        </section>
        {row.state === 'signed' ? null : <section>
          <h3>{t('why.clocks')}</h3>
          <div className="clocks">
            <span>{raised ? t('why.clock.raised') : row.complete_at === null ? t('why.clock.received') : t('why.clock.complete')}</span>
            <WaitBar wait={wait} />
            <span className="dim">{t('wait.sentence', { elapsed: waitWords(wait.elapsed), target: waitWords(wait.target), cap: waitWords(wait.cap) })}</span>
          </div>
        </section>}
        {row.displaced === null || row.displaced.count === 0 ? null : (
          <section>
            <h3>{row.place < row.place_without_ai ? t('why.displaced') : t('why.displacedby')} <span>{t('why.displaced.n', { n: row.displaced.count })}</span></h3>
            <p className="tiny"><Said>{row.displaced.text}</Said></p>
          </section>
        )}
        <section>
          <h3>{t('why.tools')} {row.tools.length === 0 ? null : <span>{t('list.tools.done', { n: done })}</span>}</h3>
          {row.tools.length === 0 ? <p className="tiny">{t('why.tools.none')}</p> : <ul className="tl">{row.tools.map((tool) => <ToolLine key={`${tool.id} ${tool.version}`} tool={tool} />)}</ul>}
        </section>
        {flagging === undefined ? null : <Record id={flagging.id} />}
      </div>
      <div className="acts">
        <a className="btn primary" href={hrefOf({ page: 'study', studyUid: row.study_uid })} aria-keyshortcuts="Enter">{t('why.open')} <Kbd>↵</Kbd></a>
        {reader && canPutBack(row) ? <button type="button" className="btn" title={t('why.put.why')} aria-keyshortcuts="B" onClick={onPutBack}>{t('why.put')} <Kbd>B</Kbd></button> : null}
        {reader && row.put_back !== null ? <button type="button" className="btn" aria-keyshortcuts="B" onClick={onRaiseAgain}>{t('why.again')} <Kbd>B</Kbd></button> : null}
        {reader && others && row.state !== 'signed' ? <button type="button" className="btn" title={t('why.over.why')} onClick={onTakeOver}>{t('why.over')}</button> : null}
        {reader && !others && row.state !== 'signed' ? <button type="button" className="btn" aria-keyshortcuts="T" onClick={onTake}>{row.with === null ? t('why.take') : t('why.give')} <Kbd>T</Kbd></button> : null}
      </div>
    </aside>
  );
}
