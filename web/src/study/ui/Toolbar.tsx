import { useState } from 'react';
import { Button, Dialog, DialogTrigger, Menu, MenuItem, MenuTrigger, Popover, Toolbar } from 'react-aria-components';
import { t } from '@/messages';
import { Icon, type IconName } from '@/ui/icons';
import { Kbd } from '@/ui/pieces';
import type { ToolId } from '../engine/tools';
import type { LayoutId } from '../model/hanging';
import type { Preset, Range } from '../model/windows';
import { ValueField } from './fields';
import { presetWords } from './portWords';

export interface ToolbarProps {
  readonly tool: ToolId;
  readonly presets: readonly Preset[];
  readonly preset: Preset | null;
  readonly range: Range | null;
  readonly layouts: readonly LayoutId[];
  readonly layout: LayoutId | null;
  readonly linked: boolean;
  readonly invertPet: boolean;
  readonly hasPet: boolean;
  /** why nothing is measured in the active port, or null */
  readonly unmeasured: string | null;
  readonly mayUndo: boolean;
  readonly onTool: (tool: ToolId) => void;
  readonly onRange: (range: Range) => void;
  readonly onLayout: (layout: LayoutId) => void;
  readonly onLinked: (linked: boolean) => void;
  readonly onInvert: (inverted: boolean) => void;
  readonly onUndo: () => void;
  readonly onReset: () => void;
  readonly onFull: () => void;
  readonly onKeys: () => void;
}

const list: readonly (readonly [ToolId, IconName, string | null, boolean])[] = [
  ['zoom', 'zoom', 'Z', true],
  ['pan', 'pan', null, true],
];
const measures: readonly (readonly [ToolId, IconName, string])[] = [
  ['length', 'ruler', 'M'],
  ['area', 'ellipse', 'O'],
  ['probe', 'probe', 'V'],
];
const word = (tool: ToolId): string => t(`study.tool.${tool}`);

export function ImageToolbar(props: ToolbarProps) {
  const { tool, onTool, unmeasured } = props;
  return (
    <section className="barw" aria-label={t('study.tool.bar')}>
    <Toolbar className="bar" aria-label={t('study.tool.bar')}>
      <ToolButton icon="scroll" on={tool === 'scroll'} onPress={() => onTool('scroll')} name={word('scroll')} />
      <WindowMenu {...props} />
      {list.map(([id, icon, key]) => (
        <ToolButton key={id} icon={icon} on={tool === id} onPress={() => onTool(id)} name={word(id)} shortcut={key} narrow />
      ))}
      <span className="hd-sep" />
      {measures.map(([id, icon, key]) => (
        <ToolButton
          key={id}
          icon={icon}
          on={tool === id}
          onPress={() => onTool(id)}
          name={word(id)}
          shortcut={key}
          disabled={unmeasured !== null}
          title={unmeasured === null ? undefined : t('study.measure.off', { why: unmeasured })}
          narrow={id === 'area'}
        />
      ))}
      <span className="hd-sep" />
      <LayoutMenu {...props} />
      <ToolButton icon="sync" on={props.linked} onPress={() => props.onLinked(!props.linked)} name={t('study.tool.linked')} />
      {props.hasPet ? <ToolButton icon="invert" on={props.invertPet} onPress={() => props.onInvert(!props.invertPet)} name={t('study.tool.invert')} shortcut="X" /> : null}
      <ToolButton icon="target" on={null} onPress={props.onReset} name={t('study.tool.reset')} narrow />
      <span className="grow" />
      <ToolButton icon="undo" on={null} onPress={props.onUndo} name={t('study.tool.undo')} shortcut="U" title={t('study.tool.undo.long')} disabled={!props.mayUndo} />
      <span className="hd-sep" />
      <Button className="tb" aria-label={t('study.tool.full')} onPress={props.onFull}>
        <Icon name="full" />
      </Button>
      <Button className="tb" onPress={props.onKeys}>
        <Icon name="help" />
        <span className="vh">{t('study.tool.keys')}</span>
        <Kbd>?</Kbd>
      </Button>
    </Toolbar>
    </section>
  );
}

interface ToolButtonProps {
  readonly icon: IconName;
  /** pressed or not; null: it acts at once */
  readonly on: boolean | null;
  readonly name: string;
  readonly shortcut?: string | null;
  readonly title?: string | undefined;
  readonly disabled?: boolean;
  readonly narrow?: boolean;
  readonly onPress: () => void;
}
function ToolButton({ icon, on, name, shortcut = null, title, disabled = false, narrow = false, onPress }: ToolButtonProps) {
  return (
    <button
      type="button"
      className="tb"
      {...(on === null ? {} : { 'aria-pressed': on })}
      title={title ?? name}
      disabled={disabled}
      {...(shortcut ? { 'aria-keyshortcuts': shortcut.toLowerCase() } : {})}
      onClick={onPress}
    >
      <Icon name={icon} />
      <span className={narrow ? 'x-lab' : ''}>{name}</span>
      {shortcut ? <Kbd>{shortcut}</Kbd> : null}
    </button>
  );
}

function WindowMenu({ tool, presets, preset, range, onRange, onTool }: ToolbarProps) {
  const [typing, setTyping] = useState(false);
  const name = preset ? presetWords(preset) : t('study.tool.window');
  const at = preset ? presets.indexOf(preset) : -1;
  return (
    <>
      <MenuTrigger>
        <Button className={`tb ${tool === 'window' ? 'on' : ''}`}>
          <Icon name="window" />
          {preset ? <span className="vh">{t('study.tool.window')}: </span> : null}
          <span>{name}</span>
          <Icon name="chevd" small />
          <Kbd>{at >= 0 && at < 4 ? at + 1 : 'W'}</Kbd>
        </Button>
        <Popover className="pop" placement="bottom start">
          <Menu
            className="menu"
            aria-label={t('study.tool.window')}
            onAction={(key) => {
              const chosen = presets.find((one) => one.id === key);
              if (chosen) onRange(chosen);
              else if (key === 'drag') onTool('window');
              else if (key === 'type') setTyping(true);
            }}
          >
            {presets.map((one, index) => (
              <MenuItem key={one.id} id={one.id} className="item" textValue={presetWords(one)}>
                <span className="grow">{presetWords(one)}</span>
                {index < 4 ? <Kbd>{index + 1}</Kbd> : null}
              </MenuItem>
            ))}
            <MenuItem id="drag" className="item" textValue={t('study.window.drag')}>
              <span className="grow">{t('study.window.drag')}</span>
              <Kbd>W</Kbd>
            </MenuItem>
            <MenuItem id="type" className="item" textValue={t('study.window.values')}>
              {t('study.window.values')} …
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
      <DialogTrigger isOpen={typing} onOpenChange={setTyping}>
        <Button className="tb anchor" aria-label={t('study.window.values')}>
          <Icon name="pencil" small />
        </Button>
        <Popover className="pop typed" placement="bottom start">
          <Dialog aria-label={t('study.window.values')} className="typed-d">
            {range ? (
              <WindowValues
                range={range}
                onRange={(next) => {
                  onRange(next);
                  setTyping(false);
                }}
              />
            ) : null}
          </Dialog>
        </Popover>
      </DialogTrigger>
    </>
  );
}

function WindowValues({ range, onRange }: { range: Range; onRange: (range: Range) => void }) {
  const [low, setLow] = useState(Math.round(range.low * 100) / 100);
  const [high, setHigh] = useState(Math.round(range.high * 100) / 100);
  const good = Number.isFinite(low) && Number.isFinite(high) && high > low;
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (good) onRange({ low, high });
      }}
    >
      <ValueField label={t('study.window.low')} value={low} onChange={setLow} digits={2} />
      <ValueField label={t('study.window.high')} value={high} onChange={setHigh} digits={2} />
      <button type="submit" className="btn primary" disabled={!good}>
        {t('study.window.apply')}
      </button>
    </form>
  );
}

function LayoutMenu({ layouts, layout, onLayout }: ToolbarProps) {
  if (!layout) return null;
  const name = t(`study.layout.${layout}`);
  return (
    <MenuTrigger>
      <Button className="tb">
        <Icon name="layout" />
        <span className="vh">{t('study.tool.layout')}: </span>
        <span>{name}</span>
        <Icon name="chevd" small />
        <Kbd>L</Kbd>
      </Button>
      <Popover className="pop" placement="bottom start">
        <Menu className="menu" aria-label={t('study.tool.layout')} onAction={(key) => onLayout(layouts.find((one) => one === key) ?? layout)}>
          {layouts.map((one) => (
            <MenuItem key={one} id={one} className="item">
              {t(`study.layout.${one}`)}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
