import { useState, type ReactNode } from 'react';
import { api, failureOf } from '@/api/client';
import type { Finding, SignaturePreview } from '@/api/types';
import { inSentence, titleInSentence, when } from '@/logic/format';
import { t } from '@/messages';
import { Dialog } from '@/ui/Dialog';
import { Icon } from '@/ui/icons';
import { failureWords, Kbd, Note } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { isCounted, isReviewed } from '../model/review';
import { destinations, objects, protocolOf, signState } from '../model/sign';
import { findingTitle, titleLanguage } from './findingWords';

interface Props {
  readonly study: string;
  readonly patient: string;
  readonly reader: string;
  readonly findings: readonly Finding[];
  readonly preview: SignaturePreview | null;
  readonly failed: unknown;
  readonly unsaved: number;
  readonly mayRead: boolean;
  readonly asking: boolean;
  readonly onAsk: (asking: boolean) => void;
  readonly onSigned: () => void;
  readonly onChanged: () => void;
  readonly onSelect: (id: string) => void;
}

const objectIcon = (object: string) => (object === 'SEG' ? ('outline' as const) : ('doc' as const));

function Pips({ findings }: { findings: readonly Finding[] }) {
  return (
    <span className="pips" aria-hidden="true">
      {findings.slice(0, 24).map((one) => (
        <i key={one.id} className={one.state === 'proposed' ? '' : one.state === 'deferred' ? 'f' : 'd'} />
      ))}
    </span>
  );
}

export function SignBar(props: Props) {
  const { findings, preview } = props;
  const [first, setFirst] = useState<{ by: string; at: string } | null>(null);
  const counted = findings.filter(isCounted);
  const done = counted.filter(isReviewed).length;
  const deferred = counted.filter((one) => one.state === 'deferred').length;
  return (
    <div className="sign" role="region" aria-label={t('study.sign.label')}>
      <div>
        <span className="ln">
          <Pips findings={counted} />
          <b className="strong">{t('study.sign.reviewed', { done, all: counted.length })}</b>
          {deferred > 0 ? <span className="sec">{t('study.sign.deferred', { n: deferred })}</span> : null}
        </span>
        <span className="ln2 cut acts-in">
          <Unreviewed preview={preview} findings={findings} empty={counted.length === 0} onSelect={props.onSelect} />
        </span>
      </div>
      <div>
        <WhatGoes {...props} first={first} />
      </div>
      <SignButton {...props} done={done} onFirst={setFirst} />
    </div>
  );
}

/** What stands open, under the title that its card has. */
function titleOf(findings: readonly Finding[], open: SignaturePreview['unreviewed'][number]): string {
  const finding = findings.find((one) => one.id === open.id);
  return titleInSentence(finding === undefined ? open.text : findingTitle(finding));
}

const languageOf = (findings: readonly Finding[], open: SignaturePreview['unreviewed'][number]): { lang?: 'en' } => {
  const finding = findings.find((one) => one.id === open.id);
  return finding === undefined ? {} : titleLanguage(finding);
};

function Unreviewed({ preview, findings, empty, onSelect }: { preview: SignaturePreview | null; findings: readonly Finding[]; empty: boolean; onSelect: (id: string) => void }) {
  if (!preview) return null;
  if (preview.unreviewed.length === 0) return <>{empty ? t('study.sign.nothing') : t('study.sign.complete')}</>;
  return (
    <>
      {t('study.sign.unreviewed')}{' '}
      {preview.unreviewed.map((one, at) => (
        <span key={one.id}>
          {at > 0 ? ' · ' : ''}
          <button type="button" className="link" onClick={() => onSelect(one.id)}>
            <b className="ai">{one.number}</b> <span {...languageOf(findings, one)}>{titleOf(findings, one)}</span>
          </button>
        </span>
      ))}
    </>
  );
}

function WhatGoes({ preview, failed, first }: Props & { first: { by: string; at: string } | null }) {
  if (!preview) return <span className="ln2">{failed === null ? '' : t('study.sign.unavailable', { said: failureWords(failed).text })}</span>;
  if (preview.signed) {
    return (
      <>
        <span className="ln">
          <Icon name="lock" small />
          <b className="strong">{t('study.sign.signed', { by: preview.signed.by, at: when(preview.signed.at), version: preview.signed.version })}</b>
        </span>
        <span className="ln2 cut" role="status">
          {first ? t('study.sign.first', { by: first.by, at: when(first.at) }) : t('study.sign.signed.body')}
        </span>
      </>
    );
  }
  return (
    <>
      <span className="ln cut">
        {preview.will_send.length === 0 ? (
          <b className="strong">{t('study.sign.sendsnothing')}</b>
        ) : (
          <>
            <b className="strong">{t('study.sign.sends')}</b>
            {objects(preview).map((one) => (
              <span key={one.object + one.description} className="obj">
                <Icon name={objectIcon(one.object)} />
                <Said>{one.description}</Said>
              </span>
            ))}
            <Icon name="right" small className="dim" />
            {destinations(preview).map((one) => (
              <span key={one.name} className="obj">
                <Icon name="server" />
                <b className="strong">{one.name}</b> <span className="sec x">{protocolOf(one.kind)}</span>
              </span>
            ))}
          </>
        )}
      </span>
      <span className="ln2 cut" title={preview.words.join(' ')}>
        <Said>{preview.words.join(' ')}</Said>
      </span>
    </>
  );
}

function SignButton(props: Props & { done: number; onFirst: (first: { by: string; at: string }) => void }) {
  const { preview, done } = props;
  if (!preview) return <div />;
  const state = signState(preview, props.unsaved, props.mayRead);
  if (state.kind === 'signed') return <div />;
  const why = state.kind === 'unsaved' ? t('study.sign.unsaved') : state.kind === 'forbidden' ? t('study.sign.readers') : state.kind === 'closed' ? (state.why ?? '') : '';
  return (
    <div>
      {why ? <span className="why-not">{state.kind === 'closed' ? <Said>{why}</Said> : why}</span> : null}
      <button type="button" className="btn primary lg" disabled={state.kind !== 'open'} aria-keyshortcuts="s" onClick={() => props.onAsk(true)}>
        <Icon name="sign" />
        {done > 0 ? t('study.sign.go', { n: done }) : t('study.sign.go.none')} <Kbd>S</Kbd>
      </button>
      {props.asking && state.kind === 'open' ? <SignDialog {...props} preview={preview} /> : null}
    </div>
  );
}

type Trouble = { kind: 'first'; by: string; at: string } | { kind: 'changed' } | { kind: 'said'; text: string };

const signedOf = (body: unknown): { by: string; at: string } | null => {
  const signed = (body as { signed?: { by?: unknown; at?: unknown } } | null)?.signed;
  return signed && typeof signed.by === 'string' && typeof signed.at === 'string' ? { by: signed.by, at: signed.at } : null;
};

function troubleOf(error: unknown): Trouble {
  const failure = failureOf(error);
  if (failure.kind === 'problem' && failure.status === 409) {
    const signed = signedOf(failure.body);
    return signed ? { kind: 'first', ...signed } : { kind: 'said', text: failure.problem.detail ?? failure.problem.title };
  }
  if (failure.kind === 'problem' && failure.status === 412) return { kind: 'changed' };
  return { kind: 'said', text: failureWords(error).text };
}

function SignDialog(props: Props & { preview: SignaturePreview; onFirst: (first: { by: string; at: string }) => void }) {
  const { preview, findings } = props;
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const going = findings.filter((one) => ['confirmed', 'edited', 'added'].includes(one.state));
  const sign = async () => {
    setBusy(true);
    setTrouble(null);
    try {
      await api.sign(props.study, preview.etag, preview.unreviewed.length > 0);
      props.onSigned();
    } catch (error) {
      const found = troubleOf(error);
      setTrouble(found);
      if (found.kind === 'first') props.onFirst(found);
      props.onChanged();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open alert title={t('study.sign.title', { patient: props.patient, reader: props.reader })} onClose={() => props.onAsk(false)}>
      <div className="bd">
        <dl className="kv">
          <Row name={t('study.sign.what')}>{going.map((one) => `${one.number} ${titleInSentence(findingTitle(one))} (${inSentence(t(`study.state.${one.state}`))})`).join(', ') || '–'}</Row>
          {preview.unreviewed.length > 0 ? (
            <Row name={t('study.sign.stay')}>
              <span className="ai">{preview.unreviewed.map((one) => `${one.number} ${titleOf(findings, one)}`).join(', ')}</span>
            </Row>
          ) : null}
          {preview.rejected > 0 ? <Row name={t('study.sign.rejected')}>{t('study.sign.rejected.n', { n: preview.rejected })}</Row> : null}
          {destinations(preview).map((one) => (
            <Row key={one.name} name={t('study.sign.to', { destination: one.name })}>
              <Said>{one.objects.map((object) => object.description).join(', ')}</Said> <span className="dim">{protocolOf(one.kind)}</span>
            </Row>
          ))}
          <Row name={t('study.sign.says')}><Said>{preview.words.join(' ')}</Said></Row>
          <Row name={t('study.sign.after')}>{t('study.sign.after.body')}</Row>
        </dl>
        {trouble ? (
          <Note kind={trouble.kind === 'said' ? 'danger' : 'warn'} icon={trouble.kind === 'said' ? 'failed' : 'lock'}>
            <b>{t('study.sign.failed')}</b>{' '}
            {trouble.kind === 'first'
              ? t('study.sign.first', { by: trouble.by, at: when(trouble.at) })
              : trouble.kind === 'changed'
                ? t('study.sign.changed')
                : trouble.text}
          </Note>
        ) : null}
        <div className="acts">
          <button type="button" className="btn primary" disabled={busy || trouble?.kind === 'first'} onClick={() => void sign()}>
            {busy ? t('study.sign.busy') : t('study.sign.sign')}
          </button>
          <button type="button" className="btn" autoFocus onClick={() => props.onAsk(false)}>
            {t('study.sign.back')}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="pair">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
