import { useState } from 'react';
import type { Series, Study } from '@/api/types';
import { dayMonth } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { isPicture, isResult, type Hanging } from '../model/hanging';
import { chooseScale } from '../model/suv';
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
  const scale = series.modality === 'PT' ? chooseScale(series.pet === null ? null : { ...series.pet, units: series.pet.units ?? '' }, null) : null;
  const uneven = study.geometry.find((one) => one.series_uid === series.series_uid)?.state === 'irregular';
  return (
    <button type="button" className={`sr ${on ? 'on' : ''}`} aria-label={t('study.series.show', { name: seriesTitle(series) })} aria-pressed={on} title={seriesTitle(series)} onClick={onShow}>
      <Thumbnail study={study.study_uid} series={series} />
      <span>
        <b>{seriesTitle(series)}</b>
        <small>
          {series.modality} · {t('study.series.images', { n: series.images })}
        </small>
        {scale?.kind === 'header' ? <small className="warn-t">{t('study.series.nosuv', { why: scale.reason ?? scale.label })}</small> : null}
        {uneven ? <small className="warn-t">{t('study.port.shown')}</small> : null}
      </span>
    </button>
  );
}

export function SeriesList({ study, hanging, onShow }: { study: Study; hanging: Hanging | null; onShow: (series: string) => void }) {
  const pictures = study.series.filter(isPicture);
  const made = study.series.filter((one) => !isPicture(one));
  return (
    <aside className="series" aria-label={t('study.series.label')}>
      <h3>
        {t('study.series.this')} <span>{study.study_date ? dayMonth(study.study_date) : ''}</span>
      </h3>
      {pictures.length === 0 ? <p className="tip note">{t('study.series.none')}</p> : null}
      {pictures.map((series) => (
        <PictureRow key={series.series_uid} study={study} series={series} on={shownIn(hanging, series.series_uid)} onShow={() => onShow(series.series_uid)} />
      ))}
      {made.length > 0 ? <h3>{t('study.series.tools')}</h3> : null}
      {made.map((series) => (
        <div className="sr made" key={series.series_uid}>
          <span className={`ph ${isResult(series) ? 'ai' : ''}`}>
            <Icon name={series.modality === 'SEG' || series.modality === 'RTSTRUCT' ? 'outline' : 'doc'} />
          </span>
          <span>
            <b>{seriesTitle(series) || (series.modality === 'SEG' ? t('study.series.regions') : series.modality === 'SR' ? t('study.series.measurements') : t('study.series.other'))}</b>
            <small>{series.modality}</small>
          </span>
        </div>
      ))}
    </aside>
  );
}
