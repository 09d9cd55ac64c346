import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { EchoAnswer, Health } from '@/api/types';
import { useHealth } from '@/app/Header';
import { useKeys } from '@/app/keys';
import { useHasRole } from '@/app/session';
import { toast } from '@/app/toast';
import '@/styles/house.css';
import { bytes, clockSeconds, count, waitWords, when } from '@/logic/format';
import { atReserve, badDestination, healthWarnings } from '@/logic/health';
import { coded, t } from '@/messages';
import { Icon } from '@/ui/icons';
import { failureWords, Kbd, Note } from '@/ui/pieces';
import { Bars, Spark } from '@/ui/plots';
import { Coded, Said } from '@/ui/Said';
import { Gate } from './Gate';

function Tile({ span, title, side, children }: { span: string; title: string; side?: string; children: ReactNode }) {
  return <section className={`card ${span}`}><div className="hd"><h2>{title}</h2><span className="grow" /><span className="dim">{side}</span></div><div className="bd">{children}</div></section>;
}

function Check({ title, words, warn }: { title: string; words: string; warn: boolean }) {
  return <div className={warn ? 'w' : ''}><Icon name={warn ? 'late' : 'check'} /><b>{title}</b><small className="cut" title={words}>{words}</small></div>;
}

/** The centre, and the roles of this copy where it does not have all of them. */
function nodeName(health: Health): string {
  const { centre, role } = health.node;
  if (centre === undefined) return role;
  return role === '' || role === 'all' ? centre : `${centre} (${role})`;
}

function Checks({ health }: { health: Health }) {
  const bad = health.destinations.filter((destination) => badDestination(destination.state)).map((destination) => destination.name);
  const dead = health.queue.reduce((sum, queue) => sum + queue.dead, 0);
  const reserve = atReserve(health);
  return (
    <div className="checks">
      <Check title={t('health.part.intake')} warn={false} words={health.intake.last_at === null ? t('health.intake.never') : t('health.intake.last', { at: when(health.intake.last_at) })} />
      <Check title={t('health.part.disk')} warn={reserve} words={reserve ? t('health.disk.reserve') : t('health.disk.free', { free: bytes(health.disk.free), total: bytes(health.disk.total) })} />
      <Check title={t('health.part.ledger')} warn={!health.ledger.ok} words={health.ledger.ok ? t('health.ledger.ok', { n: health.ledger.rows }) : t('health.ledger.broken')} />
      <Check title={t('health.part.sandbox')} warn={!health.sandbox.ok} words={health.sandbox.ok ? t('health.sandbox.ok') : t('health.sandbox.lacks', { what: health.sandbox.lacking.join(', ') })} />
      <Check title={t('health.part.destinations')} warn={bad.length > 0} words={health.destinations.length === 0 ? t('health.dest.none') : bad.length === 0 ? t('health.dest.ok', { n: health.destinations.length }) : t('health.dest.bad', { names: bad.join(', ') })} />
      <Check title={t('health.part.dead')} warn={dead > 0} words={dead === 0 ? t('house.none') : t('health.dead.n', { n: dead })} />
    </div>
  );
}

function Intake({ health }: { health: Health }) {
  const { per_minute: values, receiving, last_at: last } = health.intake;
  const now = values.at(-1) ?? 0;
  const most = Math.max(0, ...values);
  return (
    <Tile span="w4" title={t('health.intake')} side={t('health.intake.hour')}>
      <div className="big"><b>{count(now)}</b><span>{t('health.intake.unit')}</span><span className="r">{t('health.intake.receiving', { n: receiving.length })}<br />{last === null ? t('health.intake.never') : t('health.intake.last', { at: when(last) })}</span></div>
      <div className="sp"><span className="mx">{t('health.intake.max', { n: most })}</span><Spark values={values} label={t('health.intake.plot', { now, max: most })} />
        <div className="axis"><span>{t('health.axis.start')}</span><span>{t('health.axis.now')}</span></div></div>
    </Tile>
  );
}

function Disk({ health }: { health: Health }) {
  const { total, free, used_by_vault: vault, used_by_index: index, reserve } = health.disk;
  const share = (n: number): string => `${total > 0 ? Math.min(100, (n / total) * 100) : 0}%`;
  const other = Math.max(0, total - free - vault - index);
  return (
    <Tile span="w4" title={t('health.disk')} side={bytes(total)}>
      <div className="big"><b>{bytes(Math.max(0, free - reserve))}</b><span>{t('health.disk.until')}</span></div>
      <div className="disk" role="img" aria-label={t('health.disk.plot', { used: bytes(total - free), reserve: bytes(reserve) })}>
        <i className="a" style={{ width: share(vault) }} /><i className="b" style={{ width: share(index) }} /><i className="o" style={{ width: share(other) }} /><i className="c" style={{ width: share(reserve) }} />
      </div>
      <div className="lgd"><span><i className="a" />{t('health.disk.vault', { n: bytes(vault) })}</span><span><i className="b" />{t('health.disk.index', { n: bytes(index) })}</span><span><i className="o" />{t('health.disk.other', { n: bytes(other) })}</span><span><i className="c" />{t('health.disk.reserved', { n: bytes(reserve) })}</span></div>
      <p className="dim tiny gap-top">{t('health.disk.note')}</p>
    </Tile>
  );
}

function Queue({ health }: { health: Health }) {
  const queued = health.queue.reduce((sum, queue) => sum + queue.queued, 0);
  const running = health.queue.reduce((sum, queue) => sum + queue.running, 0);
  return (
    <Tile span="w4" title={t('health.queue')} side={t('health.queue.waiting')}>
      <div className="big"><b>{count(queued)}</b><span>{t('health.queue.wait', { n: queued, running })}</span></div>
      <div className="gap-top"><Bars rows={health.queue.map((queue) => ({ word: coded(`health.job.${queue.kind}`) ?? queue.kind, n: queue.queued + queue.running }))} /></div>
    </Tile>
  );
}

function Destinations({ health }: { health: Health }) {
  const client = useQueryClient();
  const may = useHasRole('administrator');
  const [echoes, setEchoes] = useState<Record<string, EchoAnswer | 'asking'>>({});
  const echo = async (name: string): Promise<void> => {
    setEchoes((old) => ({ ...old, [name]: 'asking' }));
    try {
      const answer = await api.echo(name);
      setEchoes((old) => ({ ...old, [name]: answer }));
    } catch (error) {
      setEchoes((old) => ({ ...old, [name]: { ok: false, ms: 0, text: failureWords(error).text } }));
    }
    await client.invalidateQueries({ queryKey: keys.health });
  };
  const all = (): void => { for (const destination of health.destinations) void echo(destination.name); };
  useKeys([{ key: 'r', words: t('health.key.echo'), run: () => { if (may) all(); } }]);
  return (
    <section className="card w8">
      <div className="hd"><h2>{t('health.dests')}</h2><span className="grow" />{may && health.destinations.length > 0 ? <button type="button" className="btn" aria-keyshortcuts="R" onClick={all}>{t('health.echoall')} <Kbd>R</Kbd></button> : null}</div>
      {health.destinations.length === 0 ? <div className="bd"><p className="tiny">{t('health.dests.empty')}</p></div> : (
        <div className="scroll-x" tabIndex={0} role="region" aria-label={t('health.dests')}>
          <table className="t">
            <thead><tr><th scope="col">{t('health.col.name')}</th><th scope="col">{t('health.col.way')}</th><th scope="col">{t('health.col.host')}</th><th scope="col">{t('health.col.state')}</th><th scope="col" className="num">{t('health.col.queued')}</th><th scope="col" className="num">{t('health.col.last')}</th><th scope="col"><span className="vh">{t('health.echo')}</span></th></tr></thead>
            <tbody>
              {health.destinations.map((destination) => {
                const answer = echoes[destination.name];
                const bad = badDestination(destination.state);
                return (
                  <tr key={destination.name}>
                    <td><b className="strong nowrap">{destination.name}</b></td>
                    <td className="sec nowrap">{destination.kind.toUpperCase()}</td>
                    <td className="sec mono">{destination.host}</td>
                    <td><span className={`st ${bad ? 'danger' : ''}`}><Icon name={bad ? 'refused' : 'check'} /><Coded name={`health.state.${destination.state}`} text={destination.state} /></span>
                      {destination.last_error === null ? null : <small><Said>{destination.last_error}</Said></small>}
                      {answer === undefined || answer === 'asking' ? null : <small role="status" className={answer.ok ? '' : 'danger-ink'}>{answer.ok ? t('health.echo.ok', { ms: answer.ms }) : t('health.echo.no', { text: answer.text })}</small>}</td>
                    <td className="num">{count(destination.queued)}</td>
                    <td className="num sec nowrap">{destination.last_ok_at === null ? '–' : when(destination.last_ok_at)}</td>
                    <td className="num">{may ? <button type="button" className="btn" aria-label={`${t('health.echo')} ${destination.name}`} disabled={answer === 'asking'} onClick={() => { void echo(destination.name); }}>{t('health.echo')}</button> : null}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function DeadLetters() {
  const may = useHasRole('administrator');
  const client = useQueryClient();
  const jobs = useQuery({ queryKey: keys.deadJobs, queryFn: ({ signal }) => api.deadJobs(signal) });
  const retry = async (id: string): Promise<void> => {
    try { await api.retryJob(id); toast(t('health.retried')); } catch (error) { toast(failureWords(error).text); }
    await client.invalidateQueries({ queryKey: keys.deadJobs });
  };
  const list = jobs.data?.jobs ?? [];
  return (
    <Tile span="" title={t('health.deads')} side={list.length === 0 ? '' : count(list.length)}>
      {jobs.isError ? <p className="tiny">{failureWords(jobs.error).text}</p> : list.length === 0 ? <p className="tiny">{t('health.deads.none')}</p> : (
        <ul className="dead">{list.map((job) => <li key={job.id}><div><b className="strong"><Coded name={`health.job.${job.kind}`} text={job.kind} /></b> <span className="dim tiny">{t('health.deads.row', { n: job.attempts })}</span><p className="tiny"><Said>{job.cause}</Said></p></div>{may ? <button type="button" className="btn" onClick={() => { void retry(job.id); }}>{t('health.retry')}</button> : null}</li>)}</ul>
      )}
    </Tile>
  );
}

function saveReport(health: Health): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(health, null, 2)], { type: 'application/json' }));
  link.download = `vedette-health-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`;
  link.click();
  setTimeout(() => { URL.revokeObjectURL(link.href); }, 1000);
}

export default function HealthPage() {
  const asked = useHealth();
  const admin = useHasRole('administrator', 'tool_engineer');
  return (
    <main className="page">
      <Gate asked={asked} title={t('health.error')}>
        {(health) => {
          const warnings = healthWarnings(health).length;
          return (
            <div className="hg">
              <section className="card w12">
                <div className="top">
                  <h1 className="row"><Icon name="server" />{t('health.serving', { node: nodeName(health) })}</h1>
                  <span className="sec">{warnings === 0 ? t('health.quiet') : <span className="warn-ink">{t('health.warnings', { n: warnings })}</span>} {t('health.safe')}</span>
                  <span className="row"><span className="dim">{t('health.up', { time: waitWords(health.node.uptime_s / 60), version: health.node.version })} · {t('health.checked', { at: clockSeconds(asked.dataUpdatedAt) })}</span>
                    <button type="button" className="btn" onClick={() => { void asked.refetch(); }}>{t('health.refresh')}</button><button type="button" className="btn" onClick={() => { saveReport(health); }}>{t('health.save')}</button></span>
                </div>
                <Checks health={health} />
              </section>
              <Intake health={health} />
              <Queue health={health} />
              <Disk health={health} />
              <Destinations health={health} />
              <div className="w4 col">
                {admin ? <DeadLetters /> : null}
                <Tile span="" title={t('health.arriving')}>
                  {health.intake.receiving.length === 0 ? <p className="tiny">{t('health.arriving.none')}</p>
                    : <ul className="dead">{health.intake.receiving.map((sender) => <li key={`${sender.calling_ae} ${sender.since}`}><b className="strong">{sender.calling_ae}</b><span className="sec">{t('health.arriving.row', { n: sender.images })} · {when(sender.since)}</span></li>)}</ul>}
                </Tile>
                <Tile span="" title={t('health.sandbox')}>
                  <p className="tiny">{t('health.sandbox.words')}</p>
                  {health.sandbox.lacking.length === 0 ? null : <div className="gap-top"><Note kind="warn" icon="late">{t('health.sandbox.lacking', { what: health.sandbox.lacking.join(', ') })}</Note></div>}
                </Tile>
              </div>
            </div>
          );
        }}
      </Gate>
    </main>
  );
}
