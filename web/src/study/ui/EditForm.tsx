import { useEffect, useRef, useState } from 'react';
import type { Code, Finding, FindingChanges, Level, Measurement } from '@/api/types';
import { t } from '@/messages';
import { Kbd, levelWord } from '@/ui/pieces';
import { digitsOf, isCode, sameMeasure, sides } from '../model/review';
import { CodeSelect, ValueField, WordSelect } from './fields';
import { measureName, measureWords, unitWord } from './findingWords';
import { useReasons } from './RejectChooser';

interface Form {
  readonly code: Code;
  readonly site: Code | null;
  readonly laterality: Code | null;
  readonly urgency: Level;
  readonly values: readonly number[];
  readonly comment: string;
}

const start = (finding: Finding): Form => ({
  code: finding.code,
  site: finding.site,
  laterality: finding.laterality,
  urgency: finding.urgency,
  values: finding.measurements.map((one) => one.value),
  comment: '',
});

const isForm = (form: unknown, finding: Finding): form is Form =>
  typeof form === 'object' && form !== null && 'values' in form && Array.isArray(form.values) && form.values.length === finding.measurements.length && 'code' in form;

/** Only what the person changed; null where nothing was. */
export function changesOf(finding: Finding, form: Pick<Form, 'code' | 'site' | 'laterality' | 'urgency' | 'values'>): FindingChanges | null {
  const measured = finding.measurements.some((one, at) => form.values[at] !== undefined && form.values[at] !== one.value);
  const measurements: Measurement[] = finding.measurements.map((one, at) => {
    const value = form.values[at];
    // The person's value has no uncertainty of the tool's method.
    return value === undefined || value === one.value ? one : { ...one, value, uncertainty: null };
  });
  const changes: FindingChanges = {
    ...(isCode(form.code, finding.code) ? {} : { code: form.code }),
    ...(isCode(form.site, finding.site) ? {} : { site: form.site }),
    ...(isCode(form.laterality, finding.laterality) ? {} : { laterality: form.laterality }),
    ...(form.urgency === finding.urgency ? {} : { urgency: form.urgency }),
    ...(measured ? { measurements } : {}),
  };
  return Object.keys(changes).length > 0 ? changes : null;
}

const levels: readonly Level[] = ['immediate', 'urgent', 'soon', 'routine'];

export function EditForm({ finding, form: kept, onForm, onCancel, onKeep }: { finding: Finding; form: unknown; onForm: (form: unknown) => void; onCancel: () => void; onKeep: (changes: FindingChanges, comment: string) => void }) {
  const reasons = useReasons();
  const [form, setForm] = useState<Form>(() => (isForm(kept, finding) ? kept : start(finding)));
  const change = (part: Partial<Form>) => {
    const next = { ...form, ...part };
    setForm(next);
    onForm(next);
  };
  const changes = changesOf(finding, form);
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: 'nearest' });
    box.current?.querySelector('button')?.focus();
  }, []);
  return (
    <form
      ref={box}
      className="rj"
      aria-label={t('study.edit.title', { number: finding.number })}
      onSubmit={(event) => {
        event.preventDefault();
        if (changes) onKeep(changes, form.comment);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) {
          event.stopPropagation();
          onCancel();
        }
      }}
    >
      <h3>{t('study.edit.title', { number: finding.number })}</h3>
      <div className="form">
        <CodeSelect label={t('study.edit.code')} codes={reasons.data?.finding_codes ?? []} value={form.code} onChange={(code) => code && change({ code })} />
        <CodeSelect label={t('study.edit.site')} codes={reasons.data?.sites ?? []} value={form.site} onChange={(site) => change({ site })} none />
        <CodeSelect label={t('study.edit.side')} codes={sides} value={form.laterality} onChange={(laterality) => change({ laterality })} none />
        <WordSelect
          label={t('study.edit.urgency')}
          options={levels.map((level) => ({ id: level, name: levelWord(level) }))}
          value={form.urgency}
          onChange={(id) => change({ urgency: levels.find((level) => level === id) ?? form.urgency })}
        />
      </div>
      {finding.measurements.map((one, at) => (
        <ValueField
          key={`${one.code.value}${at}`}
          label={measureName(one)}
          value={form.values[at] ?? one.value}
          onChange={(value) => change({ values: form.values.map((old, index) => (index === at && Number.isFinite(value) ? value : old)) })}
          digits={Math.max(1, digitsOf(one.value, one.uncertainty?.value ?? null))}
          unit={unitWord(one)}
          after={t('study.edit.tool', { value: measureWords((finding.original?.measurements ?? []).find((own) => sameMeasure(own, one)) ?? one) })}
        />
      ))}
      <label className="label">
        {t('study.edit.comment')}
        <input className="input" value={form.comment} maxLength={500} onChange={(event) => change({ comment: event.target.value })} />
      </label>
      <div className="row">
        <span className="dim grow hint">{changes ? '' : t('study.edit.nothing')}</span>
        <button type="button" className="btn" onClick={onCancel}>
          {t('action.cancel')}
        </button>
        <button type="submit" className="btn primary" disabled={changes === null}>
          {t('study.edit.keep')} <Kbd>↵</Kbd>
        </button>
      </div>
    </form>
  );
}
