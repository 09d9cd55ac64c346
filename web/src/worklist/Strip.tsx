import { useEffect, useState } from 'react';
import { tryLiveNow, useLive } from '@/app/live';
import { setQuery } from '@/app/router';
import { clock, waitWords } from '@/logic/format';
import type { Arrivals } from '@/logic/worklist';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { Kbd } from '@/ui/pieces';

function useSecond(on: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, [on]);
  return now;
}

/** Always there and always as high, so a message in it never moves a row. */
export function HoldStrip({ arrivals, moved, compare, asOf, onShow }: { arrivals: Arrivals; moved: boolean; compare: boolean; asOf: number; onShow: () => void }) {
  const live = useLive();
  const lost = live.state === 'lost' && asOf > 0;
  const now = useSecond(lost);
  if (lost) {
    return (
      <div className="strip stale">
        <Icon name="late" />
        <span className="cut" role="status"><b>{t('list.strip.stale', { at: clock(live.since) })}</b> <span className="sec" aria-hidden="true">{t('list.strip.stale.age', { age: waitWords((now - asOf) / 60_000), seconds: Math.max(0, Math.ceil(((live.nextTry ?? now) - now) / 1000)) })}</span></span>
        <span className="grow" /><button type="button" className="btn" onClick={tryLiveNow}>{t('list.strip.now')}</button>
      </div>
    );
  }
  if (compare) {
    return (
      <div className="strip">
        <Icon name="info" />
        <span className="cut" role="status"><b className="strong">{t('list.strip.compared')}</b> {t('list.strip.compared.note')}</span>
        <span className="grow" /><button type="button" className="btn" aria-keyshortcuts="O" onClick={() => { setQuery({ compare: null }); }}>{t('list.strip.back')} <Kbd>O</Kbd></button>
      </div>
    );
  }
  const urgent = arrivals.byLevel.immediate + arrivals.byLevel.urgent;
  if (arrivals.total > 0 || moved) {
    return (
      <div className={`strip ${urgent > 0 ? 'new' : 'more'}`}>
        <Icon name={urgent > 0 ? 'lv-urgent' : 'info'} />
        <span className="cut" role="status">
          <b>{urgent > 0 ? t('list.strip.urgent', { n: urgent }) : arrivals.total > 0 ? t('list.strip.new', { n: arrivals.total }) : t('list.strip.moved')}</b>{' '}
          <span className="sec">{urgent > 0 ? `${t('list.strip.counts', { immediate: arrivals.byLevel.immediate, urgent: arrivals.byLevel.urgent })} ` : ''}{t('list.strip.held')}</span>
        </span>
        <span className="grow" /><button type="button" className="btn" aria-keyshortcuts="G" onClick={onShow}>{t('list.strip.show')} <Kbd>G</Kbd></button>
      </div>
    );
  }
  return (
    <div className="strip">
      <Icon name="info" />
      <span className="cut" role="status"><b className="strong">{t('list.strip.order')}</b> {t('list.strip.rule')}</span>
      <span className="grow" /><button type="button" className="btn quiet" aria-keyshortcuts="O" onClick={() => { setQuery({ compare: '1' }); }}>{t('list.strip.compare')} <Kbd>O</Kbd></button>
    </div>
  );
}
