import { flushSync } from 'react-dom';
import { useKeys } from '@/app/keys';
import { hrefOf, navigate } from '@/app/router';
import { toast } from '@/app/toast';
import type { Finding } from '@/api/types';
import { t } from '@/messages';
import type { ToolId } from './engine/tools';
import type { CardMode } from './model/review';
import type { Images } from './useImages';
import type { Review } from './useReview';

/** What only the page itself can do. */
export interface Acts {
  readonly marks: () => void;
  readonly add: () => void;
  /** takes back an open form of the page; false where none is open */
  readonly close: () => boolean;
  readonly sign: () => void;
  readonly why: () => void;
  readonly help: () => void;
  readonly full: () => void;
  readonly next: string | null;
}

/** The keys of the desk (design §6). Dead while typing, in dialogs and when switched off: the dispatcher sees to that. */
export function useDeskKeys(images: Images, review: Review, acts: Acts): void {
  const { scroll, choose, tool, presets } = images;
  const { current, mayRead, closed } = review;
  const preset = (at: number) => () => {
    const one = presets[at];
    if (one) images.setRange(one);
  };
  const decide = (act: (finding: Finding) => void) => () => {
    if (current && mayRead && !closed && current.state !== 'withdrawn') act(current);
  };
  /** At once: the next key may already be the reason. */
  const open = (mode: CardMode) => decide((one) => flushSync(() => review.setMode(one, mode)));
  const zoom = (by: number) => { if (images.activeId) images.desk?.zoomBy(images.activeId, by); };
  const pan = (x: number, y: number) => { if (images.activeId) images.desk?.panBy(images.activeId, x, y); };
  const toggle = (to: ToolId) => () => choose(tool === to ? 'scroll' : to);
  /** Esc takes back the nearest open thing; only then it leaves the study. */
  const leave = () => {
    const busy = current && (review.modes[current.id] ?? 'read') !== 'read' ? current : null;
    if (acts.close()) return;
    if (busy) review.setMode(busy, 'read');
    else if (tool !== 'scroll') choose('scroll');
    else navigate(hrefOf({ page: 'worklist' }));
  };
  useKeys([
    { key: 'ArrowUp', words: t('study.key.scroll'), shown: '↑ ↓', run: () => scroll(-1) },
    { key: 'ArrowDown', run: () => scroll(1) },
    { key: 'PageUp', run: () => scroll(-10) },
    { key: 'PageDown', run: () => scroll(10) },
    { key: 'w', words: t('study.key.window'), run: toggle('window') },
    { key: '1', words: t('study.key.presets'), shown: '1 – 4', run: preset(0) },
    { key: '2', run: preset(1) },
    { key: '3', run: preset(2) },
    { key: '4', run: preset(3) },
    { key: 'z', words: t('study.tool.zoom'), run: toggle('zoom') },
    { key: '+', words: t('study.key.zoom'), shown: '+ −', run: () => zoom(1.25) },
    { key: '-', run: () => zoom(0.8) },
    { key: 'Ctrl+ArrowLeft', words: t('study.key.pan'), shown: 'Ctrl ← ↑ → ↓', run: () => pan(-40, 0) },
    { key: 'Ctrl+ArrowRight', run: () => pan(40, 0) },
    { key: 'Ctrl+ArrowUp', run: () => pan(0, -40) },
    { key: 'Ctrl+ArrowDown', run: () => pan(0, 40) },
    { key: 'm', words: t('study.tool.length'), run: toggle('length') },
    { key: 'o', words: t('study.tool.area'), run: toggle('area') },
    { key: 'v', words: t('study.tool.probe'), run: toggle('probe') },
    { key: 'l', words: t('study.tool.layout'), run: images.turnLayout },
    { key: 'x', words: t('study.tool.invert'), run: () => images.setInvert(!images.invertPet) },
    { key: ' ', words: t('study.key.marks'), shown: 'Space', run: acts.marks },
    // Listed here; heard by the ports alone, so that Tab stays Tab everywhere else.
    { key: 'Tab in a port', words: t('study.key.nextfinding'), shown: 'Tab', run: () => undefined },
    { key: 'j', words: t('study.key.jump'), run: () => { if (current) review.jump(current); } },
    { key: 'c', words: t('study.verdict.confirm'), run: decide((one) => review.give(one, 'confirm')) },
    { key: 'e', words: t('study.verdict.edit'), run: open('edit') },
    { key: 'r', words: t('study.key.reject'), run: open('reject') },
    { key: 'd', words: t('study.verdict.defer'), run: decide((one) => review.give(one, 'defer')) },
    { key: 'a', words: t('study.find.add'), run: acts.add },
    { key: 'u', words: t('study.key.undo'), run: () => void review.undo() },
    { key: 'Ctrl+z', run: () => void review.undo() },
    { key: 's', words: t('study.key.sign'), run: acts.sign },
    { key: 'n', words: t('study.next.case'), run: () => { if (acts.next) navigate(hrefOf({ page: 'study', studyUid: acts.next })); else toast(t('study.next.none')); } },
    { key: 'i', words: t('study.why'), run: acts.why },
    { key: 'f', words: t('study.tool.full'), run: acts.full },
    { key: '?', run: acts.help },
    { key: 'Escape', words: t('study.back'), shown: 'Esc', run: leave },
  ]);
}
