import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Series, Study } from '@/api/types';
import { dayMonth } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { isPicture, type Hanging } from '../model/hanging';
import { chooseScale, scaleOf } from '../model/suv';
import { seriesTitle } from './portWords';

const shownIn = (hanging: Hanging | null, uid: string): boolean =>
  hanging?.ports.some((port) => port.series === uid || (port.kind === 'plane' && port.over === uid)) ?? false;

function Thumbnail({ study, series }: { study: string; series: Series }) {
  const [failed, setFailed] = useState(false);
  if (failed) {
    return (
      <span className="ph">
        <Icon name="image" />
      </span>
    );
  }
  return (
    <img
      src={`/dicom-web/studies/${encodeURIComponent(study)}/series/${encodeURIComponent(series.series_uid)}/thumbnail`}
      alt=""
      width={52}
      height={52}
      loading="lazy"
      decoding="async"
      onError={() => setFailed(true)}
    />
  );
}

function PictureRow({ study, series, on, onShow }: { study: Study; series: Series; on: boolean; onShow: () => void }) {
  const scale = series.modality === 'PT' ? chooseScale(scaleOf(series), null) : null;
  const uneven = study.geometry.find((one) => one.series_uid === series.series_uid)?.state === 'irregular';
  return (
    <button type="button" className={`sr ${on ? 'on' : ''}`} aria-pressed={on} title={seriesTitle(series)} onClick={onShow}>
      <Thumbnail study={study.study_uid} series={series} />
      <span>
        <b>{seriesTitle(series)}</b>
        <small>
          {series.modality} · {t('study.series.images', { n: series.images })}
        </small>
        {scale?.kind === 'header' ? <small className="warn-t" title={scale.reason ?? scale.label}>{t('study.series.nosuv')}</small> : null}
        {uneven ? <small className="warn-t">{t('study.port.shown')}</small> : null}
      </span>
    </button>
  );
}

interface ListProps {
  readonly study: Study;
  readonly hanging: Hanging | null;
  readonly onShow: (series: string) => void;
  readonly onResults: () => void;
}

export function SeriesList({ study, hanging, onShow, onResults }: ListProps) {
  const answer = useQuery({ queryKey: keys.studyResults(study.study_uid), queryFn: ({ signal }) => api.studyResults(study.study_uid, signal) });
  const signed = (answer.data?.results ?? []).filter((one) => one.status === 'signed');
  const results = signed.length > 0 ? signed : (answer.data?.results ?? []);
  const pictures = study.series.filter(isPicture);
  const made = study.series.filter((one) => !isPicture(one) && one.made_here !== true);
  return (
    <aside className="series" aria-label={t('study.series.label')}>
      <h2>
        {t('study.series.this')} <span>{study.study_date ? dayMonth(study.study_date) : ''}</span>
      </h2>
      {pictures.length === 0 ? <p className="tip note">{t('study.series.none')}</p> : null}
      {pictures.map((series) => (
        <PictureRow key={series.series_uid} study={study} series={series} on={shownIn(hanging, series.series_uid)} onShow={() => onShow(series.series_uid)} />
      ))}
      {results.length > 0 ? <h2>{t(signed.length > 0 ? 'study.series.signedones' : 'study.series.tools')}</h2> : null}
      {results.map((result) => (
        <button type="button" className="sr" key={result.id} onClick={onResults}>
          <span className={`ph ${result.status === 'proposed' ? 'ai' : ''}`}>
            <Icon name={result.object === 'SEG' ? 'outline' : 'doc'} />
          </span>
          <span>
            <b>{result.object === 'SEG' ? t('study.series.regions') : t('study.series.measurements')}</b>
            <small>{`${result.object}, ${t(result.status === 'signed' ? 'study.series.signed' : 'study.series.proposed')}`}</small>
          </span>
        </button>
      ))}
      {made.length > 0 ? <h2>{t('study.series.objects')}</h2> : null}
      {made.map((series) => (
        <div className="sr made" key={series.series_uid} title={seriesTitle(series)}>
          <span className="ph">
            <Icon name={series.modality === 'SEG' || series.modality === 'RTSTRUCT' ? 'outline' : 'doc'} />
          </span>
          <span>
            <b>{seriesTitle(series) || t('study.series.other')}</b>
            <small>{t('study.series.notdrawn', { modality: series.modality })}</small>
          </span>
        </div>
      ))}
    </aside>
  );
}
