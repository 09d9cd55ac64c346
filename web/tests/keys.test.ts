import { describe, expect, it } from 'vitest';
import { keyName, liveKey, type KeyPress } from '../src/logic/keys';

const press = (key: string, change: Partial<KeyPress> = {}): KeyPress => ({
  key, ctrl: false, shift: false, alt: false, typing: false, dialogOpen: false, onControl: false, switchedOff: false, ...change,
});

describe('single keys', () => {
  it('call their binding, upper or lower case', () => {
    expect(liveKey(press('g'))).toBe('g');
    expect(liveKey(press('G', { shift: true }))).toBe('g');
    expect(liveKey(press('?', { shift: true }))).toBe('?');
  });
  it('are dead while somebody types', () => { expect(liveKey(press('g', { typing: true }))).toBeNull(); });
  it('are dead while a dialog is open', () => { expect(liveKey(press('b', { dialogOpen: true }))).toBeNull(); });
  it('are dead when switched off, but moving and leaving still work', () => {
    expect(liveKey(press('n', { switchedOff: true }))).toBeNull();
    expect(['ArrowDown', 'Enter', 'Escape'].map((key) => liveKey(press(key, { switchedOff: true })))).toEqual(['ArrowDown', 'Enter', 'Escape']);
  });
  it('leave Enter and Space to the button or link that has the focus', () => {
    expect(liveKey(press('Enter', { onControl: true }))).toBeNull();
    expect(liveKey(press(' ', { onControl: true }))).toBeNull();
    expect(liveKey(press('g', { onControl: true }))).toBe('g');
  });
  it('leave Alt combinations to the browser and the screen reader', () => { expect(liveKey(press('d', { alt: true }))).toBeNull(); });
  it('are not mistaken for Ctrl combinations', () => {
    expect(liveKey(press('f', { ctrl: true }))).toBe('Ctrl+f');
    expect(keyName({ key: 'ArrowUp', ctrl: false, shift: true })).toBe('Shift+ArrowUp');
  });
});
