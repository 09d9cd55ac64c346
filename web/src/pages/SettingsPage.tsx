import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { SettingRow } from '@/api/types';
import { hrefOf, setQuery, useAddressQuery } from '@/app/router';
import '@/styles/house.css';
import { count } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { EmptyState } from '@/ui/pieces';
import { Said } from '@/ui/Said';
import { Gate } from './Gate';

function words(value: unknown): string {
  if (value === null || value === undefined || value === '') return t('settings.unset');
  if (Array.isArray(value)) return value.length === 0 ? t('settings.unset') : value.map(words).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'string' ? value : String(value as number | boolean);
}
const sectionOf = (row: SettingRow): string => row.name.split('.')[0] ?? row.name;
const same = (row: SettingRow): boolean => JSON.stringify(row.value) === JSON.stringify(row.default);

export default function SettingsPage() {
  const settings = useQuery({ queryKey: keys.settings, queryFn: ({ signal }) => api.settings(signal) });
  const query = useAddressQuery();
  const asked = (query.get('find') ?? '').toLowerCase();
  const section = query.get('section') ?? '';
  const all = settings.data?.settings ?? [];
  const sections = [...new Set(all.map(sectionOf))];
  const shown = all.filter((row) => (section === '' || sectionOf(row) === section) && `${row.name} ${row.help}`.toLowerCase().includes(asked));
  return (
    <main className="st2">
      <nav className="snav" aria-label={t('settings.sections')}>
        <h2>{t('settings.title')}</h2>
        <a href="/people"><Icon name="users" />{t('nav.people')}</a>
        <a href={hrefOf({ page: 'settings' })} {...(section === '' ? { 'aria-current': 'page' as const } : {})}><Icon name="settings" />{t('results.all')}<span className="n">{count(all.length)}</span></a>
        {sections.map((name) => <a key={name} href={hrefOf({ page: 'settings' }, `section=${encodeURIComponent(name)}`)} {...(name === section ? { 'aria-current': 'page' as const } : {})}><span className="mono">{name}</span><span className="n">{all.filter((row) => sectionOf(row) === name).length}</span></a>)}
      </nav>
      <div className="page house">
        <div className="page-hd"><h1>{t('settings.title')}</h1><span className="dim tiny">{t('settings.note')}</span><span className="grow" /><input className="input w-subject" type="search" aria-label={t('settings.find')} placeholder={t('settings.find')} value={query.get('find') ?? ''} onChange={(event) => { setQuery({ find: event.target.value }, { replace: true }); }} /></div>
        <Gate asked={settings} title={t('settings.error')}>
          {() => (shown.length === 0 ? <EmptyState title={t('settings.none')} /> : (
            <div className="card scroll-x" tabIndex={0} role="region" aria-label={t('settings.title')}>
              <table className="t">
                <thead><tr><th scope="col">{t('settings.col.name')}</th><th scope="col">{t('settings.col.value')}</th><th scope="col">{t('settings.col.default')}</th><th scope="col">{t('settings.col.bounds')}</th><th scope="col">{t('settings.col.source')}</th><th scope="col">{t('settings.col.force')}</th></tr></thead>
                <tbody>
                  {shown.map((row) => (
                    <tr key={row.name} className={same(row) ? '' : 'chg'}>
                      <td><b className="strong mono">{row.name}</b><small><Said>{row.help}</Said></small></td>
                      <td className="mono break" title={same(row) ? undefined : t('settings.changed')}>{words(row.value)}{row.unit === null || row.unit === '' ? '' : ` ${row.unit}`}</td>
                      <td className="mono dim break">{words(row.default)}</td><td className="sec nowrap"><Said>{row.bounds ?? '–'}</Said></td><td className="sec nowrap"><Said>{row.source}</Said></td>
                      <td><span className={`st tiny ${row.needs_restart ? 'warn' : ''}`}><Icon name={row.needs_restart ? 'refresh' : 'check'} />{row.needs_restart ? t('settings.restart') : t('settings.once')}</span></td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ))}
        </Gate>
      </div>
    </main>
  );
}
