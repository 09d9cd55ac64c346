import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { api, isStatus } from '@/api/client';
import { keys } from '@/api/keys';
import { clockSeconds } from '@/logic/format';
import { healthWarnings } from '@/logic/health';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { LanguageMenu } from '@/ui/LanguageMenu';
import { failureWords, Kbd } from '@/ui/pieces';
import { useKeys } from './keys';
import { useLive } from './live';
import { setPreferences, usePreferences } from './preferences';
import { hrefOf, navigate, setQuery, useAddressQuery, useRoute } from './router';
import { useHasRole, useSession } from './session';
import { toast } from './toast';

export function useHealth() {
  return useQuery({ queryKey: keys.health, queryFn: ({ signal }) => api.health(signal), staleTime: 20_000, refetchInterval: 60_000, retry: false });
}

function Now() {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, []);
  return <span className="dim">{clockSeconds(now)}</span>;
}

function LiveSign() {
  const live = useLive();
  if (live.state === 'lost') return <span className="hd-state warn"><Icon name="late" small />{t('header.lost', { at: clockSeconds(live.since) })}</span>;
  return (
    <span className="hd-state" title={t('header.live.why')}>
      {live.state === 'live' ? <span className="live-dot" /> : null}
      {live.state === 'live' ? t('header.live') : t('header.connecting')} <Now />
    </span>
  );
}

function NodeSign() {
  const health = useHealth();
  const warnings = health.data === undefined ? 0 : healthWarnings(health.data).length;
  return warnings === 0 ? null : <a className="hd-state warn" href={hrefOf({ page: 'health' })}><Icon name="failed" small />{t('header.node', { n: warnings })}</a>;
}

function Search() {
  const route = useRoute();
  const query = useAddressQuery();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState<string | null>(null);
  const asked = route.page === 'worklist' ? (query.get('search') ?? '') : '';
  useKeys([{ key: '/', words: t('keys.search'), run: () => { field.current?.focus(); field.current?.select(); } }]);
  useEffect(() => { setText(null); }, [asked]);
  useEffect(() => {
    if (text === null || text === asked || route.page !== 'worklist') return undefined;
    const timer = setTimeout(() => { setQuery({ search: text }, { replace: true }); }, 250);
    return () => { clearTimeout(timer); };
  }, [text, asked, route.page]);
  return (
    <form role="search" aria-label={t('header.search.worklist')} className="hd-search" onSubmit={(event) => {
      event.preventDefault();
      if (route.page === 'worklist') setQuery({ search: text ?? asked });
      else navigate(hrefOf({ page: 'worklist' }, new URLSearchParams({ search: text ?? '' }).toString()));
    }}>
      <Icon name="search" />
      <input ref={field} aria-label={t('header.search')} aria-keyshortcuts="/" placeholder={t('header.search.hint')} value={text ?? asked} maxLength={64} autoComplete="off" spellCheck={false}
        onChange={(event) => { setText(event.target.value); }}
        onKeyDown={(event) => { if (event.key === 'Escape') { setText(null); if (asked !== '') setQuery({ search: null }, { replace: true }); field.current?.blur(); } }} />
      <Kbd>/</Kbd>
    </form>
  );
}

const initials = (name: string): string => name.split(/[\s._-]+/).filter((part) => part !== '').slice(0, 2).map((part) => part.charAt(0).toUpperCase()).join('') || '?';

function Person() {
  const { user } = useSession();
  const client = useQueryClient();
  const admin = useHasRole('administrator');
  const name = user.display === '' ? user.name : user.display;
  const role = user.roles.map((one) => t(`role.${one}`)).join(', ');
  // Somebody who believes to be signed out must be: a sign-out that did not reach the node is said and not hidden.
  const leave = async (): Promise<void> => {
    try {
      await api.signOut();
    } catch (error) {
      if (!isStatus(error, 401)) { toast(t('header.signout.failed', { said: failureWords(error).text })); return; }
    }
    navigate('/signin', { replace: true });
    client.clear();
  };
  const act = (key: string): void => {
    if (key === 'people') navigate(hrefOf({ page: 'people' }));
    if (key === 'settings') navigate(hrefOf({ page: 'settings' }));
    if (key === 'signout') void leave();
  };
  return (
    <MenuTrigger>
      <Button className="hd-person">
        <span className="avatar" aria-hidden="true">{initials(name)}</span>
        <span className="vh">{t('header.account', { name })}</span>
        <span className="hd-hide"><b>{name}</b><small>{role}</small></span>
        <Icon name="chevd" small />
      </Button>
      <Popover className="pop" placement="bottom end">
        <Menu className="menu" aria-label={t('header.account', { name })} onAction={(key) => { act(String(key)); }}>
          {admin ? <MenuItem id="people" className="item"><Icon name="users" small />{t('nav.people')}</MenuItem> : null}
          {admin ? <MenuItem id="settings" className="item"><Icon name="settings" small />{t('nav.settings')}</MenuItem> : null}
          <MenuItem id="signout" className="item"><Icon name="out" small />{t('header.signout')}</MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

/** `children` stand in place of house and search: a desk names its patient there. */
export function AppHeader({ children }: { children?: ReactNode }) {
  const { theme, keys: keysOn } = usePreferences();
  const page = useQuery({ queryKey: keys.page, queryFn: ({ signal }) => api.page(signal), staleTime: Infinity });
  return (
    <header>
      <a className="brand" href="/" aria-label={t('app.home')}><Icon name="mark" /></a>
      {children ?? (
        <>
          <span className="hd-site hd-hide"><Icon name="site" />{page.data?.ae_title ?? ''}<span className="dim">{page.data === undefined ? '' : t('app.node', { version: page.data.version })}</span></span>
          <Search />
        </>
      )}
      <LiveSign />
      <NodeSign />
      <span className="hd-sep" />
      <LanguageMenu />
      <button type="button" className="btn quiet sq" aria-label={t('header.theme')} title={t('header.theme')} onClick={() => { setPreferences({ theme: theme === 'light' ? 'dark' : 'light' }); }}>
        <Icon name={theme === 'light' ? 'moon' : 'sun'} />
      </button>
      <button type="button" className="btn quiet sq hd-keys" aria-pressed={keysOn} aria-label={t('header.keys')} title={t('header.keys')} onClick={() => { setPreferences({ keys: !keysOn }); }}>
        <Icon name="keys" />
      </button>
      <Person />
    </header>
  );
}
