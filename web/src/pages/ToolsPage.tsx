import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Reason, ToolCard } from '@/api/types';
import { useKeys } from '@/app/keys';
import { setQuery, useAddressQuery } from '@/app/router';
import { useHasRole } from '@/app/session';
import { toast } from '@/app/toast';
import '@/styles/house.css';
import { count, percent, seconds, when } from '@/logic/format';
import { t } from '@/messages';
import { Dialog } from '@/ui/Dialog';
import { Icon } from '@/ui/icons';
import { DemoBadge, EmptyState, FailureWords, Note } from '@/ui/pieces';
import { SharePlot, StackPlot } from '@/ui/plots';
import { ReasonDialog } from '@/ui/ReasonDialog';
import { Said } from '@/ui/Said';
import { Gate, Segments } from './Gate';

const fewest = 10;
// Stored on the node, whose words are English.
const resumed = 'Resumed by a person';

function Share({ tool, width }: { tool: ToolCard; width: number }) {
  const { reviewed } = tool;
  if (reviewed === null || reviewed.n === 0) return <span className="dim tiny">{t('tools.noflags')}</span>;
  if (reviewed.n < fewest) return <span className="dim tiny">{t('tools.few', { n: reviewed.n })}</span>;
  return (
    <>
      <SharePlot {...reviewed} width={width} />
      <small><b>{percent(reviewed.share)}</b> · {t('tools.flags', { confirmed: reviewed.confirmed, n: reviewed.n })}</small>
    </>
  );
}

function Runs({ tool }: { tool: ToolCard }) {
  const { done, refused, failed } = tool.runs;
  return (
    <>
      <StackPlot parts={[{ n: done, kind: 'solid', word: t('tools.word.done') }, { n: refused, kind: 'hatch', word: t('tools.word.refused') }, { n: failed, kind: 'danger', word: t('tools.word.failed') }]} />
      <small><b>{count(done + refused + failed)}</b> {t('tools.runs', { n: done + refused + failed })} · {t('tools.refused', { n: refused })}{failed === 0 ? null : <span className="danger-ink"> · {t('tools.failed', { n: failed })}</span>}</small>
    </>
  );
}

const StateTag = ({ tool }: { tool: ToolCard }) => (
  <span className="state">
    <span className={`st strong ${tool.state === 'stopped' ? 'danger' : ''}`}><Icon name={tool.state === 'stopped' ? 'stop' : 'play'} />{tool.state === 'stopped' ? t('tools.stopped') : t('tools.active')}</span>
    {tool.changed_at === null ? null : <small>{t('tools.since', { at: when(tool.changed_at) })}</small>}
  </span>
);

function Card({ tool, may, onStop, onResume }: { tool: ToolCard; may: boolean; onStop: () => void; onResume: () => void }) {
  return (
    <aside className="det" aria-label={t('tools.card')}>
      <section>
        <div className="row"><h2 className="cut">{tool.name}</h2><span className="sec">{tool.version}</span>{tool.demonstrator ? <DemoBadge /> : null}<span className="grow" /><StateTag tool={tool} /></div>
        {tool.state_reason === null || tool.state_reason === '' ? null : <p className="tiny gap-top">{t('tools.reason', { reason: tool.state_reason })}{tool.changed_by === null ? '' : `, ${t('tools.by', { who: tool.changed_by })}`}</p>}
      </section>
      {!may ? null : (
        <section className="stopbox">
          <div><b className="strong">{tool.state === 'active' ? t('tools.stopit') : t('tools.resume')}</b><p className="tiny">{tool.state === 'active' ? t('tools.stopit.what') : t('tools.resume.what')}</p></div>
          {tool.state === 'active' ? <button type="button" className="btn danger" onClick={onStop}><Icon name="stop" small />{t('tools.stopit.act')}</button>
            : <button type="button" className="btn" onClick={onResume}><Icon name="play" small />{t('tools.resume.act')}</button>}
        </section>
      )}
      <section><h3>{t('tools.use')}</h3><p className="read"><Said>{tool.intended_use}</Said></p></section>
      {tool.limits.length === 0 ? null : <section><h3>{t('tools.limits')}</h3><ul className="pl">{tool.limits.map((limit) => <li key={limit}><Icon name="x" /><span><Said>{limit}</Said></span></li>)}</ul></section>}
      <section>
        <h3>{t('tools.ran')} {tool.median_seconds === null ? null : <span>{t('tools.median')} {seconds(tool.median_seconds)}</span>}</h3>
        <Runs tool={tool} />
      </section>
      <section>
        <h3>{t('tools.did')}</h3>
        {tool.reviewed === null || tool.reviewed.n < fewest ? <Share tool={tool} width={430} /> : (
          <>
            <SharePlot {...tool.reviewed} width={430} axis />
            <p className="tiny">{t('tools.flags', { confirmed: tool.reviewed.confirmed, n: tool.reviewed.n })}: {t('tools.share', { share: percent(tool.reviewed.share), low: percent(tool.reviewed.low), high: percent(tool.reviewed.high) })}</p>
          </>
        )}
      </section>
      <section>
        <h3>{t('tools.may')}</h3>
        <ul className="pl">
          <li><Icon name="check" /><span>{t('tools.may.flag')}</span></li>
          {tool.demonstrator ? <li><Icon name="x" /><span>{t('tools.may.not.raise')}</span></li> : <li><Icon name="check" /><span>{t('tools.may.raise')}</span></li>}
          <li><Icon name="x" /><span>{t('tools.may.not.sign')}</span></li>
        </ul>
      </section>
      <section>
        <h3>{t('tools.from')}</h3>
        <dl className="kv"><dt>{t('tools.maker')}</dt><dd>{tool.maker}</dd><dt>{t('tools.licence')}</dt><dd>{tool.licence}</dd><dt>{t('tools.status')}</dt><dd><Said>{tool.regulatory_status}</Said></dd><dt>{t('tools.id')}</dt><dd className="mono">{tool.id}</dd></dl>
      </section>
    </aside>
  );
}

export default function ToolsPage() {
  const client = useQueryClient();
  const query = useAddressQuery();
  const may = useHasRole('administrator', 'tool_engineer');
  const tools = useQuery({ queryKey: keys.tools, queryFn: ({ signal }) => api.tools(signal) });
  const state = (['active', 'stopped'] as const).find((name) => name === query.get('state')) ?? 'all';
  const [stopping, setStopping] = useState<ToolCard | null>(null);
  const [resuming, setResuming] = useState<ToolCard | null>(null);
  const all = tools.data?.tools ?? [];
  const shown = all.filter((tool) => state === 'all' || tool.state === state);
  const chosen = shown.find((tool) => tool.id === query.get('tool')) ?? shown[0];
  const pick = (id: string): void => { setQuery({ tool: id }, { replace: true }); };
  const step = (by: number): void => {
    const next = shown[Math.max(0, Math.min(shown.length - 1, shown.findIndex((tool) => tool === chosen) + by))];
    if (next === undefined) return;
    pick(next.id);
    document.querySelector<HTMLElement>(`[data-tool="${CSS.escape(next.id)}"]`)?.focus();
  };
  useKeys([
    { key: 'ArrowDown', words: t('tools.key.row'), shown: '↓ ↑', run: () => { step(1); } },
    { key: 'ArrowUp', run: () => { step(-1); } },
  ]);
  const change = async (tool: ToolCard, to: 'active' | 'stopped', reason: Reason): Promise<void> => {
    await api.setToolState(tool.id, to, reason);
    toast(to === 'stopped' ? t('tools.stopped.done', { tool: tool.name }) : t('tools.resumed.done', { tool: tool.name }));
    await client.invalidateQueries({ queryKey: keys.tools });
  };

  return (
    <main className="two">
      <div className="lst">
        <div className="page-hd">
          <h1>{t('tools.title')}</h1>
          <Segments label={t('tools.filter')} chosen={state} onChoose={(id) => { setQuery({ state: id === 'all' ? null : id }); }} options={[
            { id: 'all' as const, word: `${t('tools.all')} ${count(all.length)}` },
            { id: 'active' as const, word: `${t('tools.active')} ${all.filter((tool) => tool.state === 'active').length}` },
            { id: 'stopped' as const, word: `${t('tools.stopped')} ${all.filter((tool) => tool.state === 'stopped').length}` },
          ]} />
        </div>
        <Gate asked={tools} title={t('tools.error')}>
          {() => (shown.length === 0 ? <EmptyState title={t('tools.empty')}>{t('tools.empty.body')}</EmptyState> : (
            <>
              <div className="hdrow" aria-hidden="true"><span>{t('tools.col.tool')}</span><span>{t('tools.col.state')}</span><span className="x-runs">{t('tools.col.runs')}</span><span className="x-share">{t('tools.col.share')}<span className="ax"><span>0</span><span>50</span><span>{percent(1)}</span></span></span><span /></div>
              {shown.map((tool) => (
                <article key={tool.id} className={`tool ${tool.state}`} aria-current={tool === chosen}>
                  <div>
                    <h2><button type="button" className="plain" data-tool={tool.id} onClick={() => { pick(tool.id); }}>{tool.name}</button> <span className="v">{tool.version}</span>{tool.demonstrator ? <DemoBadge /> : null}</h2>
                    <p className="use"><Said>{tool.intended_use}</Said></p>
                    <p className="gate">{tool.maker}</p>
                  </div>
                  <StateTag tool={tool} />
                  <span className="x-runs"><Runs tool={tool} /></span>
                  <span className="x-share"><Share tool={tool} width={206} /></span>
                  {!may ? <span /> : tool.state === 'active'
                    ? <button type="button" className="btn" data-stop="" onClick={() => { setStopping(tool); }}><Icon name="stop" small />{t('tools.stop')}</button>
                    : <button type="button" className="btn" onClick={() => { setResuming(tool); }}>{t('tools.resume')}</button>}
                </article>
              ))}
            </>
          ))}
        </Gate>
      </div>
      {chosen === undefined ? null : <Card tool={chosen} may={may} onStop={() => { setStopping(chosen); }} onResume={() => { setResuming(chosen); }} />}
      {stopping === null ? null : (
        <ReasonDialog list="stop" except="resumed" danger title={t('tools.stop.title', { tool: stopping.name })} act={t('tools.stopit.act')} onClose={() => { setStopping(null); }}
          onAct={(reason, comment) => change(stopping, 'stopped', { code: reason.code, text: comment === '' ? reason.text : `${reason.text}: ${comment}` })}>
          <p className="tiny">{t('tools.stopit.what')}</p>
        </ReasonDialog>
      )}
      {resuming === null ? null : <Resume tool={resuming} onClose={() => { setResuming(null); }} onAct={() => change(resuming, 'active', { code: 'resumed', text: resumed })} />}
    </main>
  );
}

function Resume({ tool, onClose, onAct }: { tool: ToolCard; onClose: () => void; onAct: () => Promise<void> }) {
  const [failed, setFailed] = useState<unknown>(null);
  return (
    <Dialog open alert title={t('tools.resume.title', { tool: tool.name })} onClose={onClose}>
      <div className="bd">
        <p>{t('tools.resume.what')}</p>
        {tool.state_reason === null ? null : <p className="tiny">{t('tools.reason', { reason: tool.state_reason })}</p>}
        {failed === null ? null : <Note kind="danger" icon="failed"><FailureWords error={failed} /></Note>}
        <div className="acts"><button type="button" className="btn" autoFocus onClick={onClose}>{t('action.cancel')}</button>
          <button type="button" className="btn primary" onClick={() => { onAct().then(onClose, setFailed); }}>{t('tools.resume.act')}</button></div>
      </div>
    </Dialog>
  );
}
