// The one dispatcher of keys. Single keys are dead while somebody types, while a dialog is open, and when switched off
// (WCAG 2.1.4). Moving and leaving (arrows, Enter, Escape) stay alive when single keys are off.

export interface KeyBinding {
  /** as KeyboardEvent.key, letters in lower case; with "Ctrl+" or "Shift+" before it where that is meant */
  key: string;
  /** for the list of keys; a binding without words works but is not listed */
  words?: string;
  /** how the key is shown, when different from `key` */
  shown?: string;
  run: (event: KeyboardEvent) => void;
}

export interface KeyPress { key: string; ctrl: boolean; shift: boolean; alt: boolean; typing: boolean; dialogOpen: boolean; onControl: boolean; switchedOff: boolean }

/** On a keyboard of another script the letter that stands at that place of a Latin one: Ν on a Greek keyboard is n. */
export function latinKey(key: string, code: string): string {
  const place = /^Key([A-Z])$/.exec(code)?.[1];
  return place !== undefined && key.length === 1 && /[^\p{Script=Latin}]/u.test(key) && /\p{L}/u.test(key) ? place.toLowerCase() : key;
}

export function keyName(press: Pick<KeyPress, 'key' | 'ctrl' | 'shift'>): string {
  const letter = press.key.length === 1;
  const base = letter ? press.key.toLowerCase() : press.key;
  const shift = press.shift && !letter ? 'Shift+' : '';
  return `${press.ctrl ? 'Ctrl+' : ''}${shift}${base}`;
}

const moves = new Set(['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End', 'Enter', 'Escape', 'Tab']);

/** The name of the binding that a key press may call, or null when it is dead. */
export function liveKey(press: KeyPress): string | null {
  if (press.typing || press.dialogOpen || press.alt) return null;
  if (press.onControl && (press.key === 'Enter' || press.key === ' ')) return null;
  if (press.switchedOff && !press.ctrl && !moves.has(press.key)) return null;
  return keyName(press);
}
