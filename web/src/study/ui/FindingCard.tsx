import type { Finding, FindingChanges, Verdict, VerdictKind } from '@/api/types';
import { decimal, inSentence, when } from '@/logic/format';
import { coded, locale, t } from '@/messages';
import { Icon } from '@/ui/icons';
import { DemoBadge, Kbd, LevelTag } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import type { Pending } from '../model/drafts';
import { isOpen, shownNumber, toolsOwn, type CardMode } from '../model/review';
import { EditForm } from './EditForm';
import { conceptWord, findingTitle, measureName, measureWords, stateWord, titleLanguage, uncertainWords, unitWord, verdictWord } from './findingWords';
import { PendingNote } from './PendingNote';
import { RejectChooser } from './RejectChooser';

export interface CardProps {
  readonly finding: Finding;
  readonly selected: boolean;
  readonly me: string;
  readonly mode: CardMode;
  readonly image: number | null;
  readonly pending: Pending | null;
  readonly mayRead: boolean;
  readonly closed: boolean;
  readonly onSelect: () => void;
  readonly onJump: () => void;
  readonly onMode: (mode: CardMode) => void;
  readonly onVerdict: (verdict: VerdictKind, more?: { reason?: string; comment?: string; changes?: FindingChanges }) => void;
  readonly onOverrule: () => void;
  readonly onDiscard: () => void;
  readonly onTry: () => void;
  readonly form: unknown;
  readonly onForm: (form: unknown) => void;
}

const rejection = (reason: { code: string; text: string }): string => coded(`reason.reject.${reason.code}`) ?? reason.text;
/** "Left lung"; in languages that put the side behind, as "lung, left". */
function placeOf({ site, laterality }: Finding): string {
  if (site === null) return '';
  if (laterality === null) return conceptWord(site);
  const side = coded(`concept.${laterality.scheme}.${laterality.value}`);
  return t('study.find.site', { side: side === null ? laterality.meaning : inSentence(side), site: conceptWord(site) });
}

function StateBadge({ state }: { state: Finding['state'] }) {
  const kind = state === 'proposed' ? 'proposed' : state === 'deferred' ? 'deferred' : state === 'rejected' || state === 'withdrawn' ? '' : 'person';
  return <span className={`badge ${kind}`}>{stateWord(state)}</span>;
}

function lastVerdict(finding: Finding): Verdict | null {
  return finding.verdicts.filter((one) => !one.undone).at(-1) ?? null;
}

function Subline({ finding, image, selected, me, onJump }: { me: string; finding: Finding; image: number | null; selected: boolean; onJump: () => void }) {
  const last = lastVerdict(finding);
  const first = finding.measurements[0];
  const open = isOpen(finding);
  const who = (name: string): string => (name === me ? t('study.find.you') : name);
  const by = last
    ? t('study.find.by', { state: verdictWord(last.verdict), by: who(last.by), at: when(last.at) }) + (last.reason?.text ? `, ${inSentence(rejection(last.reason))}` : '')
    : finding.author
      ? t('study.find.by', { state: stateWord('added'), by: who(finding.author.name), at: when(finding.created_at) })
      : '';
  return (
    <div className="sub">
      {finding.tool?.demonstrator ? <DemoBadge /> : null}
      {finding.site ? <span className="cut">{placeOf(finding)}</span> : null}
      {image === null || (!open && !selected) ? null : <span className="dim nowrap">{t('study.find.image', { image })}</span>}
      {!selected && open && first ? <span className="nowrap">{`${measureName(first)} ${measureWords(first)}`}</span> : null}
      {!open && by ? <span className="cut dim">{by}</span> : null}
      {selected ? (
        <>
          <span className="grow" />
          <button type="button" className="link nowrap" onClick={onJump} aria-keyshortcuts="j">
            {t('study.find.jump')} <Kbd>J</Kbd>
          </button>
        </>
      ) : null}
    </div>
  );
}

/** One finding: words first, verdict below them, the number of the tool only in the details. */
export function FindingCard(props: CardProps) {
  const { finding, selected, mode, pending } = props;
  const open = isOpen(finding);
  const shown = open || selected;
  return (
    <li>
      <article className={`f ${open ? 'proposed' : 'done'} ${finding.state}`} aria-current={selected} data-finding={finding.number} data-state={finding.state}>
        <div className="fh">
          <button type="button" className="fs" onClick={props.onSelect} aria-pressed={selected}>
            <span className="no">{finding.number}</span>
            <span className="ft" {...titleLanguage(finding)}>{findingTitle(finding)}</span>
            <span className="row tags2">
              {open ? <LevelTag level={finding.urgency} /> : null}
              <StateBadge state={finding.state} />
            </span>
          </button>
          <Subline finding={finding} image={props.image} selected={selected} me={props.me} onJump={props.onJump} />
        </div>
        {pending ? <PendingNote pending={pending} finding={finding} onTry={props.onTry} onOverrule={props.onOverrule} onDiscard={props.onDiscard} /> : null}
        {shown && selected ? <Body {...props} /> : null}
        {!selected && open && mode === 'reject' ? (
          <div className="fb">
            <Chooser {...props} />
          </div>
        ) : null}
      </article>
    </li>
  );
}

function Chooser({ finding, onVerdict, onMode }: CardProps) {
  return <RejectChooser number={finding.number} onCancel={() => onMode('read')} onReject={(reason, comment) => onVerdict('reject', { reason, comment })} />;
}

function Body(props: CardProps) {
  const { finding, mode } = props;
  const open = isOpen(finding);
  const withdrawn = finding.state === 'withdrawn';
  return (
    <div className="fb">
      {finding.text && finding.text !== findingTitle(finding) ? <p className="txt" {...(finding.tool === null ? {} : { lang: 'en' })}>{finding.text}</p> : null}
      {withdrawn ? <p className="txt dim">{t('study.find.withdrawn')}</p> : null}
      <Measurements finding={finding} />
      {finding.tool ? (
        <div className="by">
          <Icon name="flag" />
          <span>
            <b className="strong">{`${finding.tool.id} ${finding.tool.version}`}</b> {t('study.find.unvalidated')} <Said>{finding.why} {finding.limits[0] ?? ''}</Said>
          </span>
        </div>
      ) : null}
      <Details finding={finding} />
      {props.closed || withdrawn || finding.state === 'added' ? null : mode === 'reject' ? (
        <Chooser {...props} />
      ) : mode === 'edit' ? (
        <EditForm
          finding={finding}
          form={props.form}
          onForm={props.onForm}
          onCancel={() => props.onMode('read')}
          onKeep={(changes, comment) => props.onVerdict('edit', { changes, comment })}
        />
      ) : !props.mayRead ? (
        <p className="tiny">{t('study.verdict.readers')}</p>
      ) : open || mode === 'verdicts' || finding.state === 'deferred' ? (
        <VerdictButtons onVerdict={props.onVerdict} onMode={props.onMode} busy={props.pending?.state === 'waiting' && props.pending.said === null} />
      ) : (
        <div className="row">
          <button type="button" className="btn quiet" onClick={() => props.onMode('verdicts')}>
            {t('study.verdict.change')}
          </button>
        </div>
      )}
    </div>
  );
}

function VerdictButtons({ onVerdict, onMode, busy }: Pick<CardProps, 'onVerdict' | 'onMode'> & { busy: boolean }) {
  return (
    <div className="verd">
      <button type="button" className="btn" disabled={busy} aria-keyshortcuts="c" onClick={() => onVerdict('confirm')}>
        {t('study.verdict.confirm')} <Kbd>C</Kbd>
      </button>
      <button type="button" className="btn" disabled={busy} aria-keyshortcuts="e" onClick={() => onMode('edit')}>
        {t('study.verdict.edit')} <Kbd>E</Kbd>
      </button>
      <button type="button" className="btn" disabled={busy} aria-keyshortcuts="r" onClick={() => onMode('reject')}>
        {t('study.verdict.reject')} <Kbd>R</Kbd>
      </button>
      <button type="button" className="btn" disabled={busy} aria-keyshortcuts="d" onClick={() => onVerdict('defer')}>
        {t('study.verdict.defer')} <Kbd>D</Kbd>
      </button>
    </div>
  );
}

function Measurements({ finding }: { finding: Finding }) {
  if (finding.measurements.length === 0) return null;
  return (
    <dl className="meas">
      {finding.measurements.map((one) => {
        const own = toolsOwn(finding, one);
        return (
          <div key={`${one.code.scheme}${one.code.value}${one.method?.value ?? ''}`}>
            <dt className="nm">
              {measureName(one)}
              {own ? <small className="own">{t('study.find.own', { value: measureWords(own) })}</small> : null}
            </dt>
            <dd>
              <span className="v">{shownNumber(one.value, one.uncertainty?.value ?? null, locale())}</span> <span className="pm">{uncertainWords(one)}</span>{' '}
              <span className="u">{unitWord(one)}</span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function Details({ finding }: { finding: Finding }) {
  const gate = [...new Set(finding.measurements.map((one) => one.gate?.text ?? '').filter(Boolean))];
  const methods = [...new Set(finding.measurements.map((one) => (one.method ? conceptWord(one.method) : '')).filter(Boolean))];
  const doubts = [...new Set(finding.measurements.map((one) => one.uncertainty?.text ?? '').filter(Boolean))];
  const rows: (readonly [string, string])[] = [
    ...(finding.text === findingTitle(finding) && finding.code.meaning ? [[t('study.find.code'), `${conceptWord(finding.code)} (${finding.code.value}, ${finding.code.scheme})`] as const] : []),
    ...(finding.score === null ? [] : [[t('study.find.score'), t('study.find.score.note', { score: decimal(finding.score, 2) })] as const]),
    ...(methods.length > 0 ? [[t('study.find.method'), methods.join('; ')] as const] : []),
    ...(gate.length > 0 ? [[t('study.find.gate'), gate.join('; ')] as const] : []),
    ...(doubts.length > 0 ? [[t('study.find.doubt'), doubts.join(' ')] as const] : []),
    ...(finding.limits.length > 0 ? [[t('study.find.limits'), finding.limits.join(' ')] as const] : []),
    ...(finding.region.volume_ml === null ? [] : [[t('study.find.volume'), `${shownNumber(finding.region.volume_ml, null, locale())} ml`] as const]),
    [t('study.find.tracking'), finding.tracking_uid] as const,
  ];
  const said = new Set([t('study.find.gate'), t('study.find.doubt'), t('study.find.limits')]);
  return (
    <details className="more">
      <summary>
        <Icon name="chevr" small />
        {t('study.find.details')}
      </summary>
      <dl className="kv">
        {rows.map(([name, value]) => (
          <div key={name} className="pair">
            <dt>{name}</dt>
            <dd className={name === t('study.find.tracking') ? 'mono cut' : ''}>{said.has(name) ? <Said>{value}</Said> : value}</dd>
          </div>
        ))}
        {finding.verdicts.length > 0 ? (
          <div className="pair">
            <dt>{t('study.find.history')}</dt>
            <dd>
              {finding.verdicts.map((one) => (
                <span key={one.at + one.verdict} className={one.undone ? 'undone' : ''}>
                  {t('study.find.history.row', { verdict: verdictWord(one.verdict), by: one.by, at: when(one.at) })}
                  {one.reason?.text ? `, ${rejection(one.reason)}` : ''}
                  {one.comment ? `: ${one.comment}` : ''}
                  {one.undone ? ` (${t('study.find.undone')})` : ''}
                </span>
              ))}
            </dd>
          </div>
        ) : null}
      </dl>
    </details>
  );
}
