import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { Button, DropZone, FileTrigger, type DirectoryDropItem, type DropItem } from 'react-aria-components';
import { hrefOf } from '@/app/router';
import { useHasRole } from '@/app/session';
import { addFiles, clearUploads, setPaused, tryAgain, useUploads } from '@/app/uploads';
import '@/styles/house.css';
import { bytes, count, percent } from '@/logic/format';
import { totalsOf, type FileState, type Upload } from '@/logic/uploads';
import { t } from '@/messages';
import { Icon, type IconName } from '@/ui/icons';
import { EmptyState, Note } from '@/ui/pieces';
import { Said } from '@/ui/Said';

const look: Record<FileState, { icon: IconName; tone: string }> = {
  waiting: { icon: 'queued', tone: 'dim' }, sending: { icon: 'running', tone: '' }, stored: { icon: 'check', tone: '' }, twice: { icon: 'check', tone: 'dim' },
  either: { icon: 'check', tone: '' }, refused: { icon: 'refused', tone: 'warn' }, failed: { icon: 'failed', tone: 'danger' },
};
interface Chosen { file: File; name: string }

async function filesIn(item: DropItem, path: string): Promise<Chosen[]> {
  if (item.kind === 'file') return [{ file: await item.getFile(), name: path + item.name }];
  if (item.kind === 'directory') return filesOf(item, `${path}${item.name}/`);
  return [];
}
async function filesOf(folder: DirectoryDropItem, path: string): Promise<Chosen[]> {
  const found: Chosen[] = [];
  for await (const entry of folder.getEntries()) found.push(...(await filesIn(entry, path)));
  return found;
}
const named = (list: FileList | null): Chosen[] => [...(list ?? [])].map((file) => ({ file, name: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath }));

function stateWords(upload: Upload): string {
  if (upload.state === 'sending' && upload.size > 0) return `${t('upload.state.sending')}, ${percent(upload.sent / upload.size)}`;
  return t(`upload.state.${upload.state}`);
}

function Files({ uploads }: { uploads: readonly Upload[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: uploads.length, getScrollElement: () => scroller.current, estimateSize: () => 30, overscan: 10 });
  return (
    <div className="up-list" ref={scroller} tabIndex={0} role="region" aria-label={t('upload.table')}>
      <ul style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const upload = uploads[item.index];
          if (upload === undefined) return null;
          const { icon, tone } = look[upload.state];
          return (
            <li key={upload.id} style={{ transform: `translateY(${item.start}px)` }}>
              <span className="cut" title={upload.name}>{upload.name}</span><span className="num dim">{bytes(upload.size)}</span>
              <span className={`st ${tone}`} title={upload.cause ?? undefined}><Icon name={icon} className={upload.state === 'sending' ? 'spin' : ''} />{stateWords(upload)}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const mostRefusals = 50;

export default function UploadPage() {
  const may = useHasRole('radiographer', 'reader', 'administrator', 'service', 'tool_engineer');
  const { uploads, studies, stored, duplicates, refusals, paused, nextTry } = useUploads();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (nextTry === null) return undefined;
    const timer = setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, [nextTry]);
  const totals = totalsOf(uploads);
  const busy = totals.left > 0;
  const failed = uploads.filter((upload) => upload.state === 'failed');
  const share = totals.bytes === 0 ? 0 : Math.round((totals.sent / totals.bytes) * 100);

  if (!may) return <main className="page"><EmptyState title={t('upload.forbidden')}>{t('upload.forbidden.body')}</EmptyState></main>;
  return (
    <main className="page house">
      <div className="page-hd"><h1>{t('upload.title')}</h1><span className="grow" /><a className="btn" href="/">{t('upload.list')}</a></div>
      <DropZone className="drop" aria-label={t('upload.drop')} onDrop={(event) => { void Promise.all(event.items.map((item) => filesIn(item, ''))).then((found) => { addFiles(found.flat()); }); }}>
        <Icon name="inbox" />
        <b slot="label">{t('upload.what')}</b>
        <p className="tiny">{t('upload.note')}</p>
        <div className="row">
          <FileTrigger allowsMultiple onSelect={(list) => { addFiles(named(list)); }}><Button className="btn primary">{t('upload.files')}</Button></FileTrigger>
          <FileTrigger acceptDirectory onSelect={(list) => { addFiles(named(list)); }}><Button className="btn">{t('upload.folder')}</Button></FileTrigger>
        </div>
      </DropZone>
      {uploads.length === 0 ? null : (
        <section className="card" aria-labelledby="up-h">
          <div className="hd"><Icon name="inbox" /><h2 id="up-h">{busy ? t('upload.sending', { n: totals.files }) : t('upload.done', { n: totals.files })}</h2><span className="grow" />
            {failed.length > 0 ? <button type="button" className="btn" onClick={tryAgain}>{t('upload.again')}</button> : null}
            {busy ? <button type="button" className="btn quiet" onClick={() => { setPaused(!paused); }}>{paused ? t('upload.resume') : t('upload.pause')}</button> : <button type="button" className="btn quiet" onClick={clearUploads}>{t('upload.clear')}</button>}</div>
          <div className="bd stack">
            <div className="meter" role="progressbar" aria-label={t('upload.progress.label')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={share}><i style={{ width: `${share}%` }} /></div>
            <span className="sec" role="status">{t('upload.progress', { stored, twice: duplicates, left: totals.left })}</span>
            {nextTry === null ? null : <Note kind="warn" icon="late">{t('upload.offline', { n: totals.left, seconds: Math.max(0, Math.ceil((nextTry - now) / 1000)) })}</Note>}
            {failed.map((upload) => <Note key={upload.id} kind="danger" icon="failed"><b>{upload.name}</b> {upload.cause}</Note>)}
            {refusals.length === 0 ? null : (
              <Note icon="refused">
                <b>{t('upload.refused', { n: refusals.length })}.</b>
                <ul>{refusals.slice(0, mostRefusals).map((refusal, index) => <li key={`${refusal.name} ${index}`}><Said>{t('upload.refused.one', { name: refusal.name, text: refusal.text })}</Said>{refusal.where === null ? '' : ` (${t('upload.refused.where', { where: refusal.where })})`}</li>)}</ul>
              </Note>
            )}
          </div>
          <Files uploads={uploads} />
        </section>
      )}
      {studies.length === 0 ? null : (
        <section className="card" aria-labelledby="up-s">
          <div className="hd"><h2 id="up-s">{t('upload.studies')}</h2><span className="dim">{count(studies.length)}</span></div>
          <div className="bd"><ul className="dead">{studies.map((study) => <li key={study}><span className="mono cut">{study}</span><a className="btn" href={hrefOf({ page: 'study', studyUid: study })}>{t('upload.open')}</a></li>)}</ul></div>
        </section>
      )}
    </main>
  );
}
