import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Finding, Study } from '@/api/types';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState } from '@/ui/pieces';
import { Desk, onArrivals, type PortView } from '../engine/desk';
import { fetchSeries, loadedCount } from '../engine/series';
import { isLost, onLost } from '../engine/lost';
import { endTools } from '../engine/tools';
import type { Hanging } from '../model/hanging';
import { scaleOf } from '../model/suv';
import { PortBox } from './PortBox';
import type { MarkedFinding } from '../model/review';

interface Props {
  readonly study: Study;
  readonly hanging: Hanging | null;
  readonly invertPet: boolean;
  readonly linked: boolean;
  readonly marked: readonly MarkedFinding[];
  readonly selected: string | null;
  readonly activeId: string | null;
  readonly picking: boolean;
  readonly marksOn: boolean;
  readonly volumes: boolean;
  readonly onDesk: (desk: Desk | null) => void;
  readonly onViews: (views: readonly PortView[]) => void;
  readonly onActive: (id: string) => void;
  readonly onJump: (finding: Finding) => void;
  readonly onPick: (id: string, x: number, y: number) => void;
  readonly onNext: (by: 1 | -1) => boolean;
}

/** The ports of a study. Owns the desk: it starts with the first picture and ends with the page. */
export function Ports(props: Props) {
  const { study, hanging, onDesk, onViews, linked, invertPet } = props;
  const [desk, setDesk] = useState<Desk | null>(null);
  const [views, setViews] = useState<readonly PortView[]>([]);
  const [, setArrived] = useState(0);
  const elements = useRef(new Map<string, HTMLDivElement>());
  const grid = useRef<HTMLDivElement | null>(null);
  const latest = useRef({ study, invertPet });
  useEffect(() => {
    latest.current = { study, invertPet };
  });

  useEffect(() => {
    const stop = new AbortController();
    const uid = latest.current.study.study_uid;
    const made = new Desk(
      {
        series: (series) => {
          const known = latest.current.study.series.find((one) => one.series_uid === series);
          return fetchSeries(uid, series, known ? scaleOf(known) : null, stop.signal);
        },
        measurable: (series) => latest.current.study.geometry.find((one) => one.series_uid === series)?.measurable ?? true,
      },
      latest.current.invertPet,
    );
    setDesk(made);
    onDesk(made);
    let wanted = false;
    const look = () => {
      if (wanted) return;
      wanted = true;
      setTimeout(() => {
        wanted = false;
        setArrived((n) => n + 1);
      }, 200);
    };
    const stopArrivals = onArrivals(look);
    const stopLost = onLost(look);
    return () => {
      stop.abort();
      stopArrivals();
      stopLost();
      endTools(made.engineId);
      made.stop();
      onDesk(null);
    };
  }, [onDesk]);

  const specs = hanging?.ports;
  useEffect(() => {
    if (!desk || !specs) return undefined;
    const look = () => setViews(specs.flatMap((spec) => desk.view(spec.id) ?? []));
    return desk.subscribe(look);
  }, [desk, specs]);
  useEffect(() => {
    onViews(views);
  }, [views, onViews]);
  useEffect(() => {
    if (desk && hanging) void desk.hang(hanging, elements.current);
  }, [desk, hanging]);
  useEffect(() => desk?.setLinked(linked), [desk, linked]);
  useEffect(() => desk?.setInvertPet(invertPet), [desk, invertPet]);
  useEffect(() => {
    const box = grid.current;
    if (!box || !desk) return undefined;
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => desk.resize());
    });
    observer.observe(box);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [desk]);

  const onElement = useCallback((id: string, element: HTMLDivElement | null) => {
    if (element) elements.current.set(id, element);
    else elements.current.delete(id);
  }, []);
  const showHere = useCallback(
    (id: string, x: number, y: number) => {
      const place = desk?.pick(id, x, y);
      if (place && desk) desk.jump(place.point, place.frameOfReference);
    },
    [desk],
  );
  const bySeries = useMemo(() => new Map(study.series.map((one) => [one.series_uid, one])), [study.series]);

  if (!hanging) {
    return (
      <div className="ports empty-ports">
        <EmptyState title={t('study.port.nothing')}>{t('study.port.nothing.body')}</EmptyState>
      </div>
    );
  }
  const lost = (series: string): boolean => {
    const loaded = desk?.loaded(series);
    return loaded ? isLost(loaded) : false;
  };
  const anyLost = hanging.ports.some((spec) => lost(spec.series));
  return (
    <div ref={grid} className={`ports ${hanging.layout} ${props.marksOn ? '' : 'noai'}`} role="region" aria-label={t('study.port.group')}>
      {hanging.ports.map((spec) => {
        const overUid = spec.kind === 'plane' ? spec.over : null;
        const main = desk?.loaded(spec.series) ?? null;
        return (
          <PortBox
            key={spec.id}
            spec={spec}
            desk={desk}
            view={views.find((one) => one.id === spec.id) ?? null}
            others={views}
            main={main}
            over={overUid ? (desk?.loaded(overUid) ?? null) : null}
            here={main ? loadedCount(main) : 0}
            lost={lost(spec.series)}
            names={{ main: bySeries.get(spec.series) ?? null, over: overUid ? (bySeries.get(overUid) ?? null) : null }}
            geometry={study.geometry.find((one) => one.series_uid === spec.series) ?? null}
            marked={props.marked}
            selected={props.selected}
            active={props.activeId === spec.id}
            picking={props.picking}
            marksOn={props.marksOn}
            onElement={onElement}
            onActive={props.onActive}
            onJump={props.onJump}
            onPick={props.onPick}
            onShowHere={showHere}
            onNext={props.onNext}
          />
        );
      })}
      {props.picking ? (
        <div className="pick-hint" role="status">
          {t('study.port.pick')}
        </div>
      ) : null}
      {anyLost ? (
        <div className="lost note danger" role="alert">
          <Icon name="failed" />
          <span>
            <b>{t('study.port.lost')}</b> {t('study.port.lost.body')}
          </span>
          <button type="button" className="btn" onClick={() => window.location.reload()}>
            {t('study.port.lost.go')}
          </button>
        </div>
      ) : null}
      {props.volumes ? null : <div className="cpu-hint note">{t('study.port.cpu')}</div>}
    </div>
  );
}
