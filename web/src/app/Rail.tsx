import { useState } from 'react';
import { healthWarnings } from '@/logic/health';
import { t } from '@/messages';
import { Dialog } from '@/ui/Dialog';
import { Icon, type IconName } from '@/ui/icons';
import { useHealth } from './Header';
import { useKeyList, useKeys } from './keys';
import { setPreferences, usePreferences } from './preferences';
import { hrefOf, useRoute, type Route } from './router';
import { useHasRole } from './session';

type Place = Exclude<Route['page'], 'unknown' | 'signin' | 'study'>;

function Item({ page, icon, word, here, badge = 0 }: { page: Place; icon: IconName; word: string; here: boolean; badge?: number }) {
  return (
    <a href={hrefOf({ page })} {...(here ? { 'aria-current': 'page' as const } : {})}>
      <Icon name={icon} /><span>{word}</span>
      {badge === 0 ? null : <span className="n"><span aria-hidden="true">{badge}</span><span className="vh">{t('nav.warnings', { n: badge })}</span></span>}
    </a>
  );
}

export function Rail() {
  const { page } = useRoute();
  const health = useHealth();
  const warnings = health.data === undefined ? 0 : healthWarnings(health.data).length;
  const auditor = useHasRole('auditor', 'administrator');
  const admin = useHasRole('administrator');
  const [help, setHelp] = useState(false);
  useKeys([{ key: '?', words: t('keys.help'), run: () => { setHelp(true); } }]);
  return (
    <nav className="rail" aria-label={t('nav.label')}>
      <Item page="worklist" icon="worklist" word={t('nav.worklist')} here={page === 'worklist' || page === 'study'} />
      <Item page="results" icon="send" word={t('nav.results')} here={page === 'results'} />
      <Item page="tools" icon="tools" word={t('nav.tools')} here={page === 'tools'} />
      {auditor ? <Item page="ledger" icon="ledger" word={t('nav.ledger')} here={page === 'ledger'} /> : null}
      <Item page="health" icon="health" word={t('nav.health')} here={page === 'health'} badge={warnings} />
      {admin ? <Item page="settings" icon="settings" word={t('nav.settings')} here={page === 'settings' || page === 'people'} /> : null}
      <button type="button" className="foot" onClick={() => { setHelp(true); }}><Icon name="help" /><span>{t('nav.keys')}</span></button>
      {help ? <KeyHelp onClose={() => { setHelp(false); }} /> : null}
    </nav>
  );
}

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const list = useKeyList();
  const { keys: on } = usePreferences();
  return (
    <Dialog open title={t('keys.title')} onClose={onClose}>
      <div className="keymap">
        {list.map((binding) => (
          <div key={binding.key}><span>{binding.words}</span><span>{(binding.shown ?? binding.key.toUpperCase()).split(' ').map((part) => (part === '–' ? ' – ' : <kbd key={part} className="always">{part}</kbd>))}</span></div>
        ))}
      </div>
      <div className="keys-foot">
        <button type="button" className="switch" role="switch" aria-checked={on} onClick={() => { setPreferences({ keys: !on }); }}><span className="tr" />{t('header.keys')}</button>
        <p className="tiny">{t('keys.note')}</p>
      </div>
    </Dialog>
  );
}
