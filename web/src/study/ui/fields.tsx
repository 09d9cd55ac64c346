import { Button, Input, Label, ListBox, ListBoxItem, NumberField, Popover, Select, SelectValue } from 'react-aria-components';
import type { Code } from '@/api/types';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { conceptWord } from './findingWords';

export const codeKey = (code: Code): string => `${code.scheme}|${code.value}`;

/** A list of coded words to pick from; `none` is the choice of stating nothing. */
export function CodeSelect({ label, codes, value, onChange, none = false }: { label: string; codes: readonly Code[]; value: Code | null; onChange: (code: Code | null) => void; none?: boolean }) {
  const listed = value && !codes.some((code) => codeKey(code) === codeKey(value)) ? [value, ...codes] : codes;
  const options = [...(none ? [{ id: '', name: t('study.edit.none') }] : []), ...listed.map((code) => ({ id: codeKey(code), name: conceptWord(code) }))];
  return (
    <WordSelect
      label={label}
      options={options}
      value={value ? codeKey(value) : none ? '' : null}
      onChange={(id) => onChange(listed.find((code) => codeKey(code) === id) ?? null)}
    />
  );
}

export function WordSelect({ label, options, value, onChange }: { label: string; options: readonly { id: string; name: string }[]; value: string | null; onChange: (id: string) => void }) {
  return (
    <Select className="field" value={value} onChange={(key) => onChange(String(key))} placeholder="–">
      <Label className="fl-l">{label}</Label>
      <Button className="fl-b">
        <SelectValue className="cut" />
        <Icon name="chevd" small />
      </Button>
      <Popover className="pop">
        <ListBox className="menu" items={options}>
          {(option) => (
            <ListBoxItem id={option.id} className="item" textValue={option.name}>
              {option.name}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </Select>
  );
}

export function ValueField({ label, value, onChange, digits, unit, after, step }: { label: string; value: number; onChange: (value: number) => void; digits: number; unit?: string; after?: string; step?: number }) {
  return (
    <NumberField
      className="field num-f"
      value={value}
      onChange={onChange}
      {...(step === undefined ? {} : { step })}
      formatOptions={{ maximumFractionDigits: digits, useGrouping: false }}
    >
      <Label className="fl-l">{label}</Label>
      <span className="row">
        <Input className="input" />
        {unit ? <span className="u">{unit}</span> : null}
        {after ? <span className="dim nowrap">{after}</span> : null}
      </span>
    </NumberField>
  );
}
