// The one way from the page to the node. Every failure is an ApiError whose `failure` says which kind it is, so a page can
// tell "the node said no, and why" from "the node did not answer".
import type * as T from './types';

export type Failure =
  | { kind: 'problem'; status: number; problem: T.Problem; body: unknown }
  | { kind: 'unreadable'; status: number }
  | { kind: 'offline' }
  | { kind: 'aborted' };

export class ApiError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.kind === 'problem' ? `${failure.problem.code}: ${failure.problem.title}` : failure.kind);
    this.name = 'ApiError';
    this.failure = failure;
  }
  get status(): number | null {
    return this.failure.kind === 'problem' || this.failure.kind === 'unreadable' ? this.failure.status : null;
  }
}

export const failureOf = (error: unknown): Failure => (error instanceof ApiError ? error.failure : { kind: 'offline' });
export const isStatus = (error: unknown, status: number): boolean => error instanceof ApiError && error.status === status;

let csrf = '';
export const setCsrf = (token: string): void => { csrf = token; };
export const csrfToken = (): string => csrf;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Reads a problem body; null when the body is something else. */
export function readProblem(body: unknown, status: number): T.Problem | null {
  if (!isRecord(body) || text(body['title']) === undefined) return null;
  const problem: T.Problem = { title: text(body['title']) ?? '', status, code: text(body['code']) ?? `http.${status}` };
  for (const key of ['type', 'detail', 'where', 'remedy', 'reference'] as const) {
    const value = text(body[key]);
    if (value !== undefined) problem[key] = value;
  }
  return problem;
}

interface Options { method?: string; body?: unknown; ifMatch?: string; signal?: AbortSignal | undefined }
export interface Answer<Body> { body: Body; etag: string | null; status: number }

/** Sends one request. The body's type is the contract of the path, held by the node's own tests against /openapi.json. */
export async function send<Body>(path: string, options: Options = {}): Promise<Answer<Body>> {
  const method = options.method ?? 'GET';
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.ifMatch !== undefined) headers['If-Match'] = options.ifMatch;
  if (method !== 'GET' && csrf !== '') headers['X-CSRF-Token'] = csrf;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    throw new ApiError({ kind: error instanceof DOMException && error.name === 'AbortError' ? 'aborted' : 'offline' });
  }
  const raw = response.status === 204 ? '' : await response.text();
  let body: unknown;
  try {
    body = raw === '' ? undefined : (JSON.parse(raw) as unknown);
  } catch {
    throw new ApiError({ kind: 'unreadable', status: response.status });
  }
  if (!response.ok) {
    const problem = readProblem(body, response.status);
    throw new ApiError(problem ? { kind: 'problem', status: response.status, problem, body } : { kind: 'unreadable', status: response.status });
  }
  return { body: body as Body, etag: response.headers.get('ETag'), status: response.status };
}

const get = async <Body>(path: string, signal?: AbortSignal): Promise<Body> => (await send<Body>(path, { signal })).body;
const change = async <Body>(method: string, path: string, body?: unknown, ifMatch?: string): Promise<Body> =>
  (await send<Body>(path, { method, ...(body === undefined ? {} : { body }), ...(ifMatch === undefined ? {} : { ifMatch }) })).body;
const uid = encodeURIComponent;

export const api = {
  page: (signal?: AbortSignal) => get<T.PageInfo>('/api/page', signal),
  session: async (signal?: AbortSignal): Promise<T.Session> => {
    const session = await get<T.Session>('/api/session', signal);
    setCsrf(session.csrf);
    return session;
  },
  signIn: async (user: string, password: string): Promise<T.Session> => {
    const session = await change<T.Session>('POST', '/api/session', { user, password });
    setCsrf(session.csrf);
    return session;
  },
  signOut: async (): Promise<void> => {
    await change<undefined>('DELETE', '/api/session');
    setCsrf('');
  },

  worklist: (query: URLSearchParams, signal?: AbortSignal) => get<T.Worklist>(`/api/worklist?${query}`, signal),
  putBack: (study: string, code: string, comment: string) =>
    change<unknown>('POST', `/api/studies/${uid(study)}/put_back`, { reason: { code }, comment }),
  raiseAgain: (study: string) => change<unknown>('DELETE', `/api/studies/${uid(study)}/put_back`),
  /** Takes or renews a study; `takeOver` takes it from the reader who has it. */
  claim: (study: string, takeOver = false) => change<T.Claim>('POST', `/api/studies/${uid(study)}/claim`, takeOver ? { take_over: true } : undefined),
  release: (study: string) => change<undefined>('DELETE', `/api/studies/${uid(study)}/claim`),

  study: (study: string, signal?: AbortSignal) => get<T.Study>(`/api/studies/${uid(study)}`, signal),
  findings: (study: string, signal?: AbortSignal) => get<T.FindingSet>(`/api/studies/${uid(study)}/findings`, signal),
  finding: (id: string, signal?: AbortSignal) => get<T.Finding>(`/api/findings/${uid(id)}`, signal),
  outline: (id: string, signal?: AbortSignal) => get<T.Outline>(`/api/findings/${uid(id)}/outline`, signal),
  verdict: (id: string, etag: string, verdict: T.VerdictRequest) =>
    change<T.Finding>('POST', `/api/findings/${uid(id)}/verdicts`, verdict, etag),
  undoVerdict: (id: string, etag?: string) => change<T.Finding>('DELETE', `/api/findings/${uid(id)}/verdicts/last`, undefined, etag),
  addFinding: (study: string, finding: T.NewFinding) => change<T.Finding>('POST', `/api/studies/${uid(study)}/findings`, finding),
  reasons: (signal?: AbortSignal) => get<T.Reasons>('/api/reasons', signal),
  signature: async (study: string, signal?: AbortSignal): Promise<T.SignaturePreview> => {
    const { body, etag } = await send<T.SignaturePreview>(`/api/studies/${uid(study)}/signature`, { signal });
    return etag === null ? body : { ...body, etag };
  },
  sign: (study: string, etag: string, leaveUnreviewed: boolean) =>
    change<T.SignatureDone>('POST', `/api/studies/${uid(study)}/signature`, { leave_unreviewed: leaveUnreviewed }, etag),
  studyResults: (study: string, signal?: AbortSignal) => get<T.ResultList>(`/api/studies/${uid(study)}/results`, signal),
  retryDelivery: (result: string, destination: string) =>
    change<unknown>('POST', `/api/results/${uid(result)}/deliveries/${uid(destination)}/retry`),

  results: (query: URLSearchParams, signal?: AbortSignal) => get<T.HouseResults>(`/api/results?${query}`, signal),
  tools: (signal?: AbortSignal) => get<{ tools: T.ToolCard[] }>('/api/tools', signal),
  setToolState: (id: string, state: 'active' | 'stopped', reason: T.Reason) =>
    change<unknown>('POST', `/api/tools/${uid(id)}/state`, { state, reason }),
  ledger: (query: URLSearchParams, signal?: AbortSignal) => get<T.LedgerPage>(`/api/ledger?${query}`, signal),
  health: (signal?: AbortSignal) => get<T.Health>('/api/health', signal),
  echo: (destination: string) => change<T.EchoAnswer>('POST', `/api/destinations/${uid(destination)}/echo`),
  deadJobs: (signal?: AbortSignal) => get<{ jobs: T.DeadJob[] }>('/api/jobs/dead', signal),
  retryJob: (id: string) => change<unknown>('POST', `/api/jobs/${uid(id)}/retry`),
  people: (signal?: AbortSignal) => get<{ people: T.Person[] }>('/api/people', signal),
  settings: (signal?: AbortSignal) => get<{ settings: T.SettingRow[] }>('/api/settings', signal),
};
