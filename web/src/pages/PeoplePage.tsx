import { useQuery } from '@tanstack/react-query';
import { api } from '@/api/client';
import { keys } from '@/api/keys';
import type { Person, Role } from '@/api/types';
import { hrefOf } from '@/app/router';
import '@/styles/house.css';
import { dayMonth } from '@/logic/format';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { Gate } from './Gate';

const rights: readonly { word: 'read' | 'sign' | 'tool' | 'node' | 'audit'; roles: readonly Role[] }[] = [
  { word: 'read', roles: ['reader', 'screening_reader', 'radiographer'] },
  { word: 'sign', roles: ['reader', 'screening_reader'] },
  { word: 'tool', roles: ['tool_engineer', 'administrator'] },
  { word: 'node', roles: ['administrator'] },
  { word: 'audit', roles: ['auditor', 'administrator'] },
];
const may = (person: Person, roles: readonly Role[]): boolean => person.roles.some((role) => roles.includes(role));

export default function PeoplePage() {
  const people = useQuery({ queryKey: keys.people, queryFn: ({ signal }) => api.people(signal) });
  return (
    <main className="page house">
      <div className="page-hd"><h1>{t('people.title')}</h1><span className="dim tiny">{people.data === undefined ? '' : t('people.count', { n: people.data.people.length })}</span><span className="grow" /><a className="btn" href={hrefOf({ page: 'settings' })}><Icon name="settings" small />{t('nav.settings')}</a></div>
      <Gate asked={people} title={t('people.error')}>
        {(data) => (
          <div className="card scroll-x" tabIndex={0} role="region" aria-label={t('people.title')}>
            <table className="t">
              <thead><tr><th scope="col">{t('people.col.name')}</th><th scope="col">{t('people.col.roles')}</th>{rights.map((right) => <th key={right.word} scope="col" className="mx">{t(`people.col.${right.word}`)}</th>)}<th scope="col">{t('people.col.since')}</th><th scope="col">{t('people.col.state')}</th></tr></thead>
              <tbody>
                {data.people.map((person) => (
                  <tr key={person.name}>
                    <td><b className="strong">{person.display === undefined || person.display === '' ? person.name : person.display}</b>{person.display === undefined || person.display === '' || person.display === person.name ? null : <small>{person.name}</small>}</td>
                    <td className="sec">{person.roles.map((role) => t(`role.${role}`)).join(', ')}</td>
                    {rights.map((right) => <td key={right.word} className="mx">{may(person, right.roles) ? <Icon name="check" label={t('people.yes')} /> : <span className="dim"><span aria-hidden="true">·</span><span className="vh">{t('people.no')}</span></span>}</td>)}
                    <td className="sec nowrap">{dayMonth(person.created_at)}</td>
                    <td>{person.disabled ? <span className="st warn"><Icon name="lock" />{t('people.disabled')}</span> : <span className="st"><Icon name="check" />{t('people.active')}</span>}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Gate>
      <p className="tiny dim">{t('people.note')}</p>
    </main>
  );
}
