// A small typed router on the History API. What a person sees lives in the address: reload, back and "copy" give the same view.
import { useSyncExternalStore } from 'react';

export type Route =
  | { page: 'signin' }
  | { page: 'worklist' }
  | { page: 'study'; studyUid: string }
  | { page: 'results' }
  | { page: 'tools' }
  | { page: 'health' }
  | { page: 'ledger' }
  | { page: 'settings' }
  | { page: 'people' }
  | { page: 'upload' }
  | { page: 'unknown'; path: string };

const plain = ['signin', 'results', 'tools', 'health', 'ledger', 'settings', 'people', 'upload'] as const;

export function parseRoute(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  const [first, second] = parts;
  if (first === undefined) return { page: 'worklist' };
  if (first === 'study' && second !== undefined && parts.length === 2) return { page: 'study', studyUid: decodeURIComponent(second) };
  const page = plain.find((name) => name === first);
  return page !== undefined && parts.length === 1 ? { page } : { page: 'unknown', path };
}

export function hrefOf(route: Exclude<Route, { page: 'unknown' }>, search = ''): string {
  const path = route.page === 'worklist' ? '/' : route.page === 'study' ? `/study/${encodeURIComponent(route.studyUid)}` : `/${route.page}`;
  return search === '' ? path : `${path}?${search.replace(/^\?/, '')}`;
}

const listeners = new Set<() => void>();
const tell = (): void => { for (const listener of listeners) listener(); };
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => { listeners.delete(listener); };
};

export function navigate(href: string, options: { replace?: boolean } = {}): void {
  const target = new URL(href, window.location.href);
  if (target.origin !== window.location.origin) return;
  const next = target.pathname + target.search + target.hash;
  if (options.replace === true) window.history.replaceState(null, '', next);
  else window.history.pushState(null, '', next);
  tell();
}

/** Changes the query of the present page only; null removes a name. */
export function setQuery(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
  const query = new URLSearchParams(window.location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(name);
    else query.set(name, value);
  }
  const search = query.toString();
  navigate(window.location.pathname + (search === '' ? '' : `?${search}`), options);
}

/** Lets ordinary links stay ordinary links: one listener turns clicks inside the page into navigation. */
export function startRouter(): () => void {
  const click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(anchor instanceof HTMLAnchorElement) || anchor.target !== '' || anchor.hasAttribute('download')) return;
    if (anchor.origin !== window.location.origin || /^\/(api|dicom-web|openapi\.json|livez|readyz|metrics)\b/.test(anchor.pathname)) return;
    if (anchor.hash !== '' && anchor.pathname === window.location.pathname) return;
    event.preventDefault();
    navigate(anchor.href);
  };
  window.addEventListener('popstate', tell);
  document.addEventListener('click', click);
  return () => {
    window.removeEventListener('popstate', tell);
    document.removeEventListener('click', click);
  };
}

const location = (): string => window.location.pathname + window.location.search;
/** Path and query of the page, as one string that changes with every navigation. */
export const useLocation = (): string => useSyncExternalStore(subscribe, location);
export const useRoute = (): Route => parseRoute(useLocation().split('?')[0] ?? '/');
export const useAddressQuery = (): URLSearchParams => new URLSearchParams(useLocation().split('?')[1] ?? '');
