import type { Level, PlaceReason, WorklistRow } from '@/api/types';
import { count, percent, waitShape, waitWords, when } from '@/logic/format';
import { modalityLabel, patientTitle, sexAndAge } from '@/logic/names';
import { clockSinceRaised, isMine, reasonKind, toolSummary, toolWord, type Me, type ToolSummary } from '@/logic/worklist';
import { coded, language, t } from '@/messages';
import { Icon, type IconName } from '@/ui/icons';
import { DemoBadge, levelWord, LevelTag } from '@/ui/pieces';
import { targetAndCap, WaitBar } from '@/ui/plots';
import { Coded, Said } from '@/ui/Said';

/** The highest order has a name of its own, so that ordered and suggested are not mixed up. */
export const orderedWord = (level: Level): string => (level === 'immediate' ? t('list.ordered.immediate') : levelWord(level));

export function MoveMark({ row }: { row: WorklistRow }) {
  const by = row.place_without_ai - row.place;
  if (by === 0 || row.place === 0) return null;
  const words = by > 0 ? t('list.up', { n: by }) : t('list.down', { n: -by });
  return <span className={`mv ${by > 0 ? 'ai' : 'dim'}`} title={words}><span aria-hidden="true">{by > 0 ? '▲' : '▼'} {Math.abs(by)}</span><span className="vh">{words}</span></span>;
}

function Suggests({ row }: { row: WorklistRow }) {
  const { suggested, ordered } = row;
  if (suggested !== null) {
    if (suggested.used) return <span className="ai bold" title={suggested.text}><Icon name="flag" small /> {levelWord(suggested.level)}</span>;
    if (suggested.level === ordered.level) return <span className="sec" title={suggested.text}>{t('list.agrees')}</span>;
    return <span className="dim" title={suggested.text}>{t('list.notused')}</span>;
  }
  const word = toolWord(row.tools, 0);
  return <span className="dim">{word === 'none' || word === 'proposed' ? t('list.word.ai.none') : t(`list.word.${word}`)}</span>;
}

export function WaitCell({ row, now }: { row: WorklistRow; now: number }) {
  if (row.state === 'signed') return <span className="dim">–</span>;
  const wait = waitShape(row.wait, now);
  const raised = clockSinceRaised(row);
  const tone = wait.nearCap ? 'near' : wait.over ? 'over' : '';
  return (
    <span className="wcell" title={t('list.wait.why', {
      elapsed: waitWords(wait.elapsed), since: raised ? t('list.since.raised') : t('list.since.complete'), target: waitWords(wait.target), cap: waitWords(wait.cap),
    })}>
      <span className={`el ${tone}`}>{raised ? <span className="ai"><span aria-hidden="true">↑ </span><span className="vh">{t('list.raised')}</span></span> : null}{waitWords(wait.elapsed)}</span>
      <WaitBar wait={wait} />
      <span className="tc">{targetAndCap(wait)}</span>
    </span>
  );
}

const reasonIcon: Record<ReturnType<typeof reasonKind>, IconName> = { flag: 'flag', cap: 'cap', order: 'order', person: 'person', clock: 'clock', other: 'info' };
export const iconOfReason = (code: string): IconName => reasonIcon[reasonKind(code)];

/** The main reason in few words: the row has the numbers beside it. The whole sentence stands in the panel and the title. */
function shortReason(row: WorklistRow, reason: PlaceReason, now: number): string {
  const wait = waitShape(row.wait, now);
  switch (reasonKind(reason.code)) {
    case 'flag': return t('list.why.flag');
    case 'person': return t('list.why.person');
    case 'cap': return wait.pastCap ? t('list.why.pastcap') : t('list.why.cap', { left: waitWords(wait.cap - wait.elapsed) });
    case 'order': return t('list.why.order', { level: orderedWord(row.ordered.level) });
    case 'clock': return wait.over ? t('list.why.over', { over: waitWords(wait.elapsed - wait.target) }) : t('list.why.share', { share: percent(wait.target > 0 ? wait.elapsed / wait.target : 1) });
    case 'other': return reason.text;
  }
}

/** The sentence of a reason in the present language, from its code and what the row knows; null where only the node has the words. */
export function reasonSentence(row: WorklistRow, reason: PlaceReason, now: number): string | null {
  if (language() === 'en') return null;
  switch (reasonKind(reason.code)) {
    case 'cap': case 'clock': return shortReason(row, reason, now);
    case 'order': return row.ordered.source === 'default' ? null : shortReason(row, reason, now);
    case 'other': return coded(`place.${reason.code}`);
    case 'flag': case 'person': return null;
  }
}

function WhyCell({ row, now }: { row: WorklistRow; now: number }) {
  const main = row.reasons[0];
  if (main === undefined) return <span className="dim">–</span>;
  return <span className={`whyc ${reasonKind(main.code)}`} title={main.text}><Icon name={iconOfReason(main.code)} /><span className="cut">{reasonKind(main.code) === 'other' ? <Coded name={`place.${main.code}`} text={main.text} /> : shortReason(row, main, now)}</span></span>;
}

function ProposedCell({ row }: { row: WorklistRow }) {
  const { proposed, urgent, confirmed, rejected, deferred } = row.findings;
  if (proposed > 0) {
    const demo = row.tools.some((tool) => tool.demonstrator) && !row.tools.some((tool) => !tool.demonstrator && tool.state === 'done');
    const words = row.findings.text ?? [t('list.proposed.n', { n: proposed }), urgent > 0 ? t('list.proposed.urgent', { n: urgent }) : ''].filter((part) => part !== '').join(', ');
    return <span className="rev"><span className="n">{count(proposed)}</span><span className="cut">{row.findings.text === null || row.findings.text === undefined ? words : <Said>{words}</Said>}</span>{demo ? <DemoBadge /> : null}</span>;
  }
  if (confirmed + rejected > 0) return <span className="sec">{t('list.reviewed', { confirmed, rejected })}</span>;
  if (deferred > 0) return <span className="sec">{t('list.deferred', { n: deferred })}</span>;
  const word = toolWord(row.tools, 0);
  if (word === 'none') return <span className="dim">{t('list.word.none')}</span>;
  return <span className="dim">{word === 'running' || word === 'queued' ? t('list.word.unknown') : '–'}</span>;
}

const toolIcon: Record<ToolSummary['state'], IconName> = { running: 'running', queued: 'queued', failed: 'failed', refused: 'refused', done: 'check', stopped: 'stop', no_tool: 'dots' };

function ToolsCell({ row }: { row: WorklistRow }) {
  const summary = toolSummary(row.tools);
  const words = summary.state === 'done' ? t('list.tools.done', { n: summary.n })
    : summary.state === 'queued' || summary.state === 'stopped' || summary.state === 'no_tool' ? t(`list.tools.${summary.state}`)
      : t(`list.tools.${summary.state}`, { n: summary.n });
  if (summary.state === 'running' && summary.progress !== null) {
    const share = Math.round(summary.progress * 100);
    return <span className="tst" title={t('list.word.running')}><Icon name="running" className="spin" /><span className="pg" aria-hidden="true"><i style={{ width: `${share}%` }} /></span><span className="vh">{words}</span>{percent(summary.progress)}</span>;
  }
  const detail = summary.message !== '' && (summary.state === 'refused' || summary.state === 'failed') ? summary.message : '';
  return (
    <span className={`tst ${summary.state}`} title={detail === '' ? words : `${words}: ${detail}`}>
      <Icon name={toolIcon[summary.state]} className={summary.state === 'running' ? 'spin' : ''} />
      <span className="cut">{words}{detail === '' ? null : <span className="det">: <Said>{detail}</Said></span>}</span>
    </span>
  );
}

function WithCell({ row, me, gone }: { row: WorklistRow; me: Me; gone: boolean }) {
  if (gone) return <span className="with">{t('list.gone')}</span>;
  if (row.state !== 'complete' && row.with === null) return <span className="with">{row.state === 'signed' ? t('list.signed') : t('list.receiving')}</span>;
  if (row.with === null) return <span className="dim">–</span>;
  return isMine(row, me) ? <span className="with strong">{t('list.you')}</span> : <span className="with"><Icon name="lock" /> {row.with.name}</span>;
}

const placeWords = (place: number): string => (place === 0 ? '–' : count(place));

export function Cells({ row, now, me, gone, compare }: { row: WorklistRow; now: number; me: Me; gone: boolean; compare: boolean }) {
  const title = patientTitle(row.patient);
  return (
    <>
      <td><span className="place"><b>{placeWords(compare ? row.place_without_ai : row.place)}</b>{compare ? null : <MoveMark row={row} />}</span></td>
      <td><LevelTag level={compare ? row.ordered.level : row.level} /></td>
      <td><span className="pcell"><span className="pid cut" title={`${title} · ${row.patient.id}`}>{title}</span><span className="nowrap tabular">{sexAndAge(row.patient, now)}</span></span></td>
      <td><span className="sty"><span className="mod">{modalityLabel(row.modalities)}</span><span className="cut" title={row.description}>{row.description === '' ? row.body_part : row.description}</span></span></td>
      <td className="x-wide sec">{when(row.received_at, now)}</td>
      <td className="x-wide sec">{count(row.images)}</td>
      <td title={row.ordered.text}>{orderedWord(row.ordered.level)}</td>
      <td><Suggests row={row} /></td>
      <td><WaitCell row={row} now={now} /></td>
      <td><WhyCell row={row} now={now} /></td>
      <td><ProposedCell row={row} /></td>
      <td><ToolsCell row={row} /></td>
      <td><WithCell row={row} me={me} gone={gone} /></td>
    </>
  );
}
