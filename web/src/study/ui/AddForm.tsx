import { useState } from 'react';
import { api } from '@/api/client';
import type { Code, Finding } from '@/api/types';
import { decimal } from '@/logic/format';
import { t } from '@/messages';
import { failureWords, Note } from '@/ui/pieces';
import { sides } from '../model/review';
import type { Vec3 } from '../model/vec';
import { CodeSelect } from './fields';
import { useReasons } from './RejectChooser';

export interface Place {
  readonly point: Vec3;
  readonly series: string;
  readonly frameOfReference: string | null;
}

/** A finding of one's own: a place on a picture, what it is, and words. */
export function AddForm({ study, place, onAdded, onCancel }: { study: string; place: Place | null; onAdded: (finding: Finding) => void; onCancel: () => void }) {
  const reasons = useReasons();
  const [code, setCode] = useState<Code | null>(null);
  const [site, setSite] = useState<Code | null>(null);
  const [laterality, setSide] = useState<Code | null>(null);
  const [words, setWords] = useState('');
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const missing = !place ? t('study.add.place') : !code ? t('study.add.what') : null;

  const go = async () => {
    if (!place || !code) return;
    setBusy(true);
    setFailed(null);
    try {
      const added = await api.addFinding(study, {
        code,
        site,
        laterality,
        text: words.trim() || code.meaning,
        region: { kind: 'point', centre_mm: place.point, frame_of_reference_uid: place.frameOfReference ?? '', series_uid: place.series },
        measurements: [],
      });
      onAdded(added);
    } catch (error) {
      setFailed(failureWords(error).text);
      setBusy(false);
    }
  };
  return (
    <form
      className="rj add"
      aria-label={t('study.add.title')}
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <h3>{t('study.add.title')}</h3>
      <p className="tiny">{place ? t('study.add.at', { point: place.point.map((value) => decimal(value, 1)).join('; ') }) : t('study.port.pick')}</p>
      <div className="form">
        <CodeSelect label={t('study.edit.code')} codes={reasons.data?.finding_codes ?? []} value={code} onChange={setCode} />
        <CodeSelect label={t('study.edit.site')} codes={reasons.data?.sites ?? []} value={site} onChange={setSite} none />
        <CodeSelect label={t('study.edit.side')} codes={sides} value={laterality} onChange={setSide} none />
      </div>
      <label className="label">
        {t('study.add.text')}
        <textarea className="input" rows={2} maxLength={1000} value={words} onChange={(event) => setWords(event.target.value)} />
      </label>
      {failed ? (
        <Note kind="danger" icon="failed">
          <b>{t('study.add.failed')}</b> {failed}
        </Note>
      ) : null}
      <div className="row">
        <span className="dim grow hint">{missing ?? ''}</span>
        <button type="button" className="btn" onClick={onCancel}>
          {t('action.cancel')}
        </button>
        <button type="submit" className="btn primary" disabled={missing !== null || busy}>
          {t('study.add.go')}
        </button>
      </div>
    </form>
  );
}
