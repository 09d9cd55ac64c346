import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useRef, useState } from 'react';
import { api, isStatus } from '@/api/client';
import { keys } from '@/api/keys';
import { navigate, useAddressQuery } from '@/app/router';
import { t } from '@/messages';
import { Icon } from '@/ui/icons';
import { LanguageMenu } from '@/ui/LanguageMenu';
import { failureWords, Note } from '@/ui/pieces';

/** Only addresses of this page are followed after signing in. */
function nextOf(query: URLSearchParams): string {
  const next = query.get('next') ?? '/';
  return next.startsWith('/') && !next.startsWith('//') && !next.startsWith('/signin') ? next : '/';
}

export function SignInPage() {
  const client = useQueryClient();
  const query = useAddressQuery();
  const page = useQuery({ queryKey: keys.page, queryFn: ({ signal }) => api.page(signal), staleTime: Infinity });
  const [shown, setShown] = useState(false);
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const wrongId = useId();
  const nameField = useRef<HTMLInputElement>(null);
  const demo = page.data?.demo_sign_in ?? null;

  const signIn = async (): Promise<void> => {
    if (user === '' || password === '') {
      setWrong(t('signin.missing'));
      return;
    }
    setBusy(true);
    setWrong(null);
    try {
      const session = await api.signIn(user, password);
      client.setQueryData(keys.session, session);
      navigate(nextOf(query), { replace: true });
    } catch (error) {
      setWrong(isStatus(error, 401) ? t('signin.wrong') : failureWords(error).text);
      nameField.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  const described = wrong === null ? {} : { 'aria-describedby': wrongId, 'aria-invalid': true as const };
  return (
    <div className="signin">
      <main className="in">
        <div className="box">
          <div className="who"><Icon name="mark" /><h1>{t('app.name')}</h1><p>{page.data === undefined ? ' ' : page.data.ae_title}</p></div>
          <div className="card">
            <form aria-label={t('signin.title')} noValidate onSubmit={(event) => { event.preventDefault(); void signIn(); }}>
              {query.has('next') && wrong === null ? <p className="tiny">{t('signin.ended')}</p> : null}
              {wrong === null ? null : <div id={wrongId} role="alert"><Note kind="danger" icon="failed">{wrong}</Note></div>}
              <label>
                {t('signin.name')}
                <span className="fld"><input ref={nameField} name="user" autoComplete="username" autoCapitalize="none" spellCheck={false} autoFocus required value={user} {...described} onChange={(event) => { setUser(event.target.value); }} /></span>
              </label>
              <label htmlFor={`${wrongId}-pw`}>{t('signin.password')}</label>
              <span className="fld">
                <input id={`${wrongId}-pw`} name="password" type={shown ? 'text' : 'password'} autoComplete="current-password" required value={password} {...described} onChange={(event) => { setPassword(event.target.value); }} />
                <button type="button" className="btn quiet sq" aria-pressed={shown} aria-label={shown ? t('signin.hide') : t('signin.show')} onClick={() => { setShown(!shown); }}><Icon name={shown ? 'eyeoff' : 'eye'} /></button>
              </span>
              <button type="submit" className="btn primary lg" disabled={busy}>{busy ? t('signin.going') : t('signin.go')}</button>
              {demo === null ? null : (
                <div className="note demo-in">
                  <Icon name="info" />
                  <span>{t('signin.demo', demo)}</span>
                  <button type="button" className="btn" onClick={() => { setUser(demo.user); setPassword(demo.password); setWrong(null); }}>{t('signin.demo.fill')}</button>
                </div>
              )}
            </form>
          </div>
          <p className="not"><b>{t('signin.not.title')}</b> {t('signin.not')}</p>
        </div>
      </main>
      <footer>
        <LanguageMenu named />
        {page.data === undefined ? null : <span>{t('signin.node', { ae: page.data.ae_title, version: page.data.version })}</span>}
        <span>{t('signin.recorded')}</span>
        <span className="hd-hide">{t('signin.help')}</span>
      </footer>
    </div>
  );
}
