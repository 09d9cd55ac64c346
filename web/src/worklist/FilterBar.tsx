import { useMemo } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import type { WorklistRow } from '@/api/types';
import { hrefOf, navigate } from '@/app/router';
import { toast } from '@/app/toast';
import { levels, plainFilters, sorts, statuses, toolWords, writeFilters, holders, type Filters, type ToolWord } from '@/logic/worklist';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { levelWord } from '@/ui/pieces';

const known = ['CT', 'MR', 'PT', 'NM', 'DX', 'CR', 'MG', 'US', 'XA'];
export const toolWordText = (word: ToolWord): string => t(`list.word.${word}`);

/** Sets filters of the present address and leaves the rest of it (such as the comparison) alone. */
export function goTo(filters: Filters): void {
  navigate(hrefOf({ page: 'worklist' }, writeFilters(filters).toString()));
}

function Chip({ name, value, options, chosen, multiple, plain = false, onChange }: {
  name: string; value: string; plain?: boolean; options: readonly { id: string; word: string }[]; chosen: readonly string[]; multiple: boolean; onChange: (ids: string[]) => void;
}) {
  const on = value !== '';
  return (
    <span className={`chip ${on ? 'on' : ''}`}>
      <MenuTrigger>
        <Button className="chip-open">{name}{on ? <>: <b>{value}</b></> : null}<Icon name="chevd" /></Button>
        <Popover className="pop" placement="bottom start">
          <Menu className="menu" aria-label={name} selectionMode={multiple ? 'multiple' : 'single'} selectedKeys={chosen}
            onSelectionChange={(keys) => { onChange(keys === 'all' ? options.map((option) => option.id) : [...keys].map(String)); }}>
            {options.map((option) => <MenuItem key={option.id} id={option.id} className="item" textValue={option.word}><Icon name="check" className="tick" /><span className="grow">{option.word}</span></MenuItem>)}
          </Menu>
        </Popover>
      </MenuTrigger>
      {on && !plain ? <button type="button" className="chip-x" aria-label={t('list.filter.clear', { name })} onClick={() => { onChange([]); }}><Icon name="x" /></button> : null}
    </span>
  );
}

const pick = <Name extends string>(ids: readonly string[], names: readonly Name[]): Name[] => names.filter((name) => ids.includes(name));

export function FilterBar({ filters, rows, address }: { filters: Filters; rows: readonly WorklistRow[]; address: string }) {
  const modalities = useMemo(() => [...new Set([...known, ...rows.flatMap((row) => row.modalities), ...filters.modality])].filter((name) => !['SR', 'SEG', 'PR', 'KO'].includes(name)), [rows, filters.modality]);
  const copy = (): void => { void navigator.clipboard?.writeText(window.location.href).then(() => { toast(t('list.copied')); }, () => undefined); };
  return (
    <div className="filters" role="group" aria-label={t('list.filters')}>
      <Chip name={t('list.filter.status')} multiple={false} plain={filters.status === 'open'} value={t(`list.status.${filters.status}`)} chosen={[filters.status]}
        options={statuses.map((id) => ({ id, word: t(`list.status.${id}`) }))} onChange={(ids) => { goTo({ ...filters, status: pick(ids, statuses)[0] ?? 'open' }); }} />
      <Chip name={t('list.filter.modality')} multiple value={filters.modality.join(', ')} chosen={filters.modality}
        options={modalities.map((id) => ({ id, word: id }))} onChange={(modality) => { goTo({ ...filters, modality }); }} />
      <Chip name={t('list.filter.level')} multiple value={filters.level.map(levelWord).join(', ')} chosen={filters.level}
        options={levels.map((id) => ({ id, word: levelWord(id) }))} onChange={(ids) => { goTo({ ...filters, level: pick(ids, levels) }); }} />
      <Chip name={t('list.filter.tools')} multiple value={filters.tools.map(toolWordText).join(', ')} chosen={filters.tools}
        options={toolWords.map((id) => ({ id, word: toolWordText(id) }))} onChange={(ids) => { goTo({ ...filters, tools: pick(ids, toolWords) }); }} />
      <Chip name={t('list.filter.with')} multiple={false} value={filters.with === null ? '' : t(`list.with.${filters.with}`)} chosen={filters.with === null ? [] : [filters.with]}
        options={holders.map((id) => ({ id, word: t(`list.with.${id}`) }))} onChange={(ids) => { goTo({ ...filters, with: pick(ids, holders)[0] ?? null }); }} />
      <Chip name={t('list.filter.sort')} multiple={false} value={filters.sort === 'place' ? '' : t(`list.sort.${filters.sort}`)} chosen={[filters.sort]}
        options={sorts.map((id) => ({ id, word: t(`list.sort.${id}`) }))} onChange={(ids) => { goTo({ ...filters, sort: pick(ids, sorts)[0] ?? 'place' }); }} />
      {filters.search === '' ? null : (
        <span className="chip on"><span className="chip-open">{t('list.filter.search')}: <b>{filters.search}</b></span>
          <button type="button" className="chip-x" aria-label={t('list.filter.clear', { name: t('list.filter.search') })} onClick={() => { goTo({ ...filters, search: '' }); }}><Icon name="x" /></button></span>
      )}
      <span className="grow" />
      <span className="url"><code className="mono cut">{address}</code></span>
      <button type="button" className="btn quiet sq" aria-label={t('list.copy')} title={t('list.copy')} onClick={copy}><Icon name="link" /></button>
      <a className="btn" href={hrefOf({ page: 'upload' })} title={t('list.add.why')}><Icon name="inbox" small />{t('list.add')}</a>
    </div>
  );
}

export const noFilters = (filters: Filters): boolean => writeFilters({ ...filters, sort: 'place' }).size === 0;
export const clearFilters = (): void => { goTo(plainFilters); };
