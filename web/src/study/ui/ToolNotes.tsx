import type { Series, Study, StudyToolRun } from '@/api/types';
import { when } from '@/logic/format';
import { t } from '@/messages';
import { Note } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { seriesTitle } from './portWords';

const named = (tool: StudyToolRun): string => `${tool.id} ${tool.version}`;
const said = (tool: StudyToolRun): string => tool.reason?.text ?? tool.message;

function Running({ tool }: { tool: StudyToolRun }) {
  const head =
    tool.state === 'queued'
      ? t('study.tools.queued', { tool: named(tool) })
      : tool.progress === null
        ? t('study.tools.running', { tool: named(tool) })
        : t('study.tools.running.share', { tool: named(tool), share: Math.round(tool.progress * 100) });
  return (
    <Note icon={tool.state === 'queued' ? 'queued' : 'running'}>
      <b>{head}</b> {t('study.tools.running.body')}
    </Note>
  );
}

function Stopped({ tool }: { tool: StudyToolRun }) {
  if (tool.state === 'failed') {
    return (
      <Note kind="danger" icon="failed">
        <b>{t('study.tools.failed.by', { tool: named(tool) })}</b> <Said>{said(tool)}</Said> {t('study.tools.failed.body')}
      </Note>
    );
  }
  const head = tool.state === 'stopped' ? t('study.tools.stopped.by', { tool: named(tool) }) : t('study.tools.refused.by', { tool: named(tool) });
  return (
    <Note {...(tool.state === 'refused' ? { kind: 'warn' as const } : {})} icon={tool.state === 'stopped' ? 'stop' : 'refused'}>
      <b>{head}</b> <Said>{said(tool)}</Said>
    </Note>
  );
}

/** What tools did not do, late images, irregular geometry, taken numbers: each with its words and way out. */
export function StudyNotes({ study }: { study: Study }) {
  const running = study.tools.filter((tool) => tool.state === 'running' || tool.state === 'queued');
  const refused = study.tools.filter((tool) => tool.state === 'refused' || tool.state === 'failed' || tool.state === 'stopped');
  const uneven = study.geometry.filter((one) => one.state === 'irregular');
  const title = (uid: string): string => seriesTitle(study.series.find((one: Series) => one.series_uid === uid) ?? null);
  return (
    <>
      {study.state === 'receiving' ? (
        <Note icon="late">
          <b>{t('study.receiving')}</b> {t('study.receiving.body')}
        </Note>
      ) : null}
      {study.reopened ? (
        <Note kind="warn" icon="late">
          <b>{t('study.late')}</b> {t('study.late.body')}
        </Note>
      ) : null}
      {running.map((tool) => (
        <Running key={named(tool)} tool={tool} />
      ))}
      {refused.length > 0 ? (
        <>
          <div className="sec-h">
            <h3>{t('study.tools.refused')}</h3>
            <span className="dim n">{refused.length}</span>
          </div>
          {refused.map((tool) => (
            <Stopped key={named(tool)} tool={tool} />
          ))}
        </>
      ) : null}
      {uneven.map((one) => (
        <Note key={one.series_uid} kind="warn" icon="refused">
          <b>{title(one.series_uid)}:</b> {one.text === null ? t('study.geometry') : <Said>{one.text}</Said>}
        </Note>
      ))}
      {study.conflicts.map((one) => (
        <Note key={one.sop_instance_uid + one.at} kind="warn" icon="failed">
          <b>{t('study.conflict')}</b> <Said>{one.text}</Said> <span className="dim">{when(one.at)}</span>
        </Note>
      ))}
    </>
  );
}
