import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react';
import type { Finding, Series, SeriesGeometry } from '@/api/types';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import type { Desk, PortView } from '../engine/desk';
import { fusionOf } from '../engine/show';
import type { LoadedSeries } from '../model/frames';
import type { PortSpec } from '../model/hanging';
import { cornerWords, pictureSentence, portLetters, unmeasured } from './portWords';
import type { MarkedFinding } from '../model/review';
import { CutTicks, marksOf, PortMarks, ScaleBar } from './PortMarks';

export interface PortProps {
  readonly spec: PortSpec;
  readonly desk: Desk | null;
  readonly view: PortView | null;
  readonly others: readonly PortView[];
  readonly main: LoadedSeries | null;
  readonly over: LoadedSeries | null;
  readonly here: number;
  /** none of its pictures will come */
  readonly lost: boolean;
  readonly names: { main: Series | null; over: Series | null };
  readonly geometry: SeriesGeometry | null;
  readonly marked: readonly MarkedFinding[];
  readonly selected: string | null;
  readonly active: boolean;
  readonly picking: boolean;
  readonly marksOn: boolean;
  readonly onElement: (id: string, element: HTMLDivElement | null) => void;
  readonly onActive: (id: string) => void;
  readonly onJump: (finding: Finding) => void;
  readonly onPick: (id: string, x: number, y: number) => void;
  readonly onShowHere: (id: string, x: number, y: number) => void;
  readonly onNext: (by: 1 | -1) => boolean;
}

export function PortBox(props: PortProps) {
  const { spec, view, active, onElement, main } = props;
  const element = useRef<HTMLDivElement | null>(null);
  useEffect(() => {
    onElement(spec.id, element.current);
    return () => onElement(spec.id, null);
  }, [spec.id, onElement]);

  const inside = (event: PointerEvent | { clientX: number; clientY: number }): [number, number] => {
    const box = element.current?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  };
  const down = (event: PointerEvent<HTMLDivElement>) => {
    props.onActive(spec.id);
    if (!props.picking || !(event.target instanceof Element) || event.target.closest('button')) return;
    event.stopPropagation();
    event.preventDefault();
    props.onPick(spec.id, ...inside(event));
  };
  const key = (event: KeyboardEvent<HTMLDivElement>) => {
    // Tab goes through the findings while the focus is on a picture and leaves it after the last one: no trap.
    if (event.key === 'Tab' && event.target === event.currentTarget && props.onNext(event.shiftKey ? -1 : 1)) event.preventDefault();
  };
  const sentence = view && main ? pictureSentence(view, main, props.names, marksOf(view, props.marked, props.selected, active).length) : t(props.lost ? 'study.port.failed' : 'study.port.loading');
  return (
    <div
      className={`vp ${spec.area === 'e' ? 'tall' : ''} ${active ? 'active' : ''} ${view?.inverted ? 'inv' : ''} ${props.picking ? 'picking' : ''}`}
      data-port={spec.id}
      role="group"
      aria-label={sentence}
      tabIndex={0}
      onFocus={() => props.onActive(spec.id)}
      onPointerDownCapture={down}
      onDoubleClick={(event) => props.onShowHere(spec.id, ...inside(event))}
      onKeyDown={key}
      onContextMenu={(event) => event.preventDefault()}
    >
      <div ref={element} className="cs" role="img" aria-label={sentence} />
      {view ? <PortOverlay {...props} view={view} /> : null}
    </div>
  );
}

function PortOverlay(props: PortProps & { view: PortView }) {
  const { view, main, over, spec, names } = props;
  if (props.lost && (!view.ready || view.failed)) {
    return (
      <div className="ov bl">
        <div>{t('study.port.failed')}</div>
      </div>
    );
  }
  if (view.failed) {
    return (
      <div className="note danger vp-note" role="alert">
        <Icon name="failed" />
        <span>
          <b>{t('study.port.failed')}.</b> {t('study.port.failed.body', { cause: `${view.failed}.` })}
        </span>
      </div>
    );
  }
  if (!main || !view.ready) {
    return (
      <div className="ov bl">
        <div>{t('study.port.loading')}</div>
        {main && props.here < main.frames.length ? <div className="d">{t('study.port.here', { here: props.here, all: main.frames.length })}</div> : null}
      </div>
    );
  }
  const words = cornerWords(view, main, over, names);
  const letters = portLetters(view);
  const why = unmeasured(view, props.geometry?.measurable ?? true, props.geometry?.text ?? null);
  const partly = props.here < view.images;
  return (
    <>
      <Corner place="tl" words={words.topLeft}>
        <div className="tags">
          {main.synthetic ? <span className="syn">{t('study.port.synthetic')}</span> : null}
          {why ? (
            <span className="badge warn shown" title={why}>
              <Icon name="refused" />
              {t('study.port.shown')}
            </span>
          ) : null}
        </div>
      </Corner>
      <Corner place="tr" words={words.topRight} plain={spec.kind !== 'mip'} />
      <div className="ov bl">
        {props.marksOn ? null : (
          <span className="badge off">
            <Icon name="eyeoff" />
            {t('study.port.nomarks')}
          </span>
        )}
        {words.bottomLeft[0] ? <div>{words.bottomLeft[0]}</div> : null}
        {words.bottomLeft[1] ? <div className="d">{words.bottomLeft[1]}</div> : null}
        {partly ? <div className="d">{t('study.port.here', { here: props.here, all: view.images })}</div> : null}
      </div>
      {letters ? (
        <>
          <div className="ov o oR">{letters.left}</div>
          <div className="ov o oL">{letters.right}</div>
          {spec.kind === 'mip' || (spec.kind === 'plane' && spec.axis === 'coronal') ? null : <div className="ov o oT">{letters.top}</div>}
        </>
      ) : null}
      {why ? <div className="ov unm">{why}</div> : null}
      {view.frame?.spacingSource === 'detector' ? <div className="ov unm">{t('study.port.detector')}</div> : null}
      {spec.kind === 'plane' && over && spec.axis === 'axial' ? <ColourBar top={fusionOf(over).top} /> : why || spec.kind === 'mip' || (spec.kind === 'plane' && spec.over) ? null : <ScaleBar view={view} />}
      <CutTicks view={view} others={props.others} />
      {props.marksOn ? <PortMarks view={view} marked={props.marked} selected={props.selected} active={props.active} onJump={props.onJump} /> : null}
      {view.here ? null : <div className="veil">{t(props.lost ? 'study.port.failed' : 'study.port.nothere')}</div>}
      {partly ? <div className="here" style={{ width: `${(100 * props.here) / view.images}%` }} /> : null}
      {spec.kind === 'stack' && (view.frame?.frames ?? 1) > 1 ? <Cine desk={props.desk} view={view} /> : null}
    </>
  );
}

function Corner({ place, words, plain = false, children }: { place: string; words: readonly [string, string]; plain?: boolean; children?: ReactNode }) {
  const [head, rest] = words;
  const [first, ...others] = head.split(' / ');
  return (
    <div className={`ov ${place}`}>
      {plain && others.length > 0 ? (
        <div>
          <b>{first}</b> <span className="d">/ {others.join(' / ')}</span>
        </div>
      ) : head ? (
        <div>
          <b>{head}</b>
        </div>
      ) : null}
      {rest ? <div className="d">{rest}</div> : null}
      {children}
    </div>
  );
}

function ColourBar({ top }: { top: number }) {
  return (
    <div className="cbar hot" aria-hidden="true">
      <span className="cb-top">{Math.round(top)}</span>
      <span className="cb-mid">{Math.round(top / 2)}</span>
      <span className="cb-low">0</span>
    </div>
  );
}

/** Plays a multi-frame picture at its own frame time, PS3.3 C.7.6.5.1.1. */
function Cine({ desk, view }: { desk: Desk | null; view: PortView }) {
  const [plays, setPlays] = useState(false);
  const { id } = view;
  const time = view.frame?.frameTime ?? 100;
  const last = useRef({ image: view.image, images: view.images });
  useEffect(() => {
    last.current = { image: view.image, images: view.images };
  });
  useEffect(() => {
    if (!plays || !desk) return undefined;
    const timer = setInterval(() => desk.scroll(id, last.current.image >= last.current.images ? 1 - last.current.images : 1), Math.max(16, time));
    return () => clearInterval(timer);
  }, [plays, desk, id, time]);
  return (
    <button type="button" className="btn cine" aria-pressed={plays} onClick={() => setPlays(!plays)}>
      <Icon name={plays ? 'pause' : 'play'} />
      {plays ? t('study.port.pause') : t('study.port.play')}
    </button>
  );
}
