// What the reading list shows, as pure functions: which question the address asks, what is held, which word a tool state gets.
import type { Level, ToolRun, WorklistRow } from '@/api/types';

// ---- the address --------------------------------------------------------------------------------------------------------
export const levels = ['immediate', 'urgent', 'soon', 'routine'] as const satisfies readonly Level[];
export const statuses = ['open', 'signed', 'all'] as const;
export const sorts = ['place', 'received', 'patient'] as const;
export const toolWords = ['proposed', 'none', 'running', 'queued', 'refused', 'failed', 'no_tool', 'stopped'] as const;
export const holders = ['me', 'others', 'nobody'] as const;
export type Status = (typeof statuses)[number];
export type Sort = (typeof sorts)[number];
export type ToolWord = (typeof toolWords)[number];
export type HolderFilter = (typeof holders)[number];

export interface Filters {
  status: Status;
  level: Level[];
  modality: string[];
  search: string;
  sort: Sort;
  /** these two narrow what the node gave, on this page */
  tools: ToolWord[];
  with: HolderFilter | null;
}

const list = <Name extends string>(value: string | null, known: readonly Name[]): Name[] => {
  const asked = (value ?? '').split(',');
  return known.filter((name) => asked.includes(name));
};
const one = <Name extends string>(value: string | null, known: readonly Name[]): Name | null => known.find((name) => name === value) ?? null;

/** Unknown names and values in an address are left out, so an old link still opens. */
export function readFilters(query: URLSearchParams): Filters {
  return {
    status: one(query.get('status'), statuses) ?? 'open',
    level: list(query.get('level'), levels),
    modality: (query.get('modality') ?? '').split(',').map((name) => name.trim().toUpperCase()).filter((name) => /^[A-Z]{2,8}$/.test(name)),
    search: (query.get('search') ?? '').trim(),
    sort: one(query.get('sort'), sorts) ?? 'place',
    tools: list(query.get('tools'), toolWords),
    with: one(query.get('with'), holders),
  };
}

/** The address of a set of filters: only what differs from the plain list, in a fixed order, so equal views have equal addresses. */
export function writeFilters(filters: Filters): URLSearchParams {
  const query = new URLSearchParams();
  if (filters.status !== 'open') query.set('status', filters.status);
  if (filters.level.length > 0) query.set('level', levels.filter((level) => filters.level.includes(level)).join(','));
  if (filters.modality.length > 0) query.set('modality', filters.modality.toSorted().join(','));
  if (filters.search !== '') query.set('search', filters.search);
  if (filters.sort !== 'place') query.set('sort', filters.sort);
  if (filters.tools.length > 0) query.set('tools', toolWords.filter((word) => filters.tools.includes(word)).join(','));
  if (filters.with !== null) query.set('with', filters.with);
  return query;
}

export const plainFilters: Filters = readFilters(new URLSearchParams());

/** The question to the node: what it can answer itself. */
export function nodeQuery(filters: Filters, limit: number, cursor: string | null): URLSearchParams {
  const query = writeFilters({ ...filters, tools: [], with: null });
  query.set('status', filters.status);
  query.set('sort', filters.sort);
  query.set('limit', String(limit));
  if (cursor !== null) query.set('cursor', cursor);
  return query;
}

// ---- tools --------------------------------------------------------------------------------------------------------------
/** One word for all tools of a row: what is still going on first, then what went wrong, then what came out. */
export function toolWord(tools: readonly ToolRun[], proposed: number): ToolWord {
  const any = (state: ToolRun['state']): boolean => tools.some((tool) => tool.state === state);
  if (any('running')) return 'running';
  if (any('queued')) return 'queued';
  if (proposed > 0) return 'proposed';
  if (any('failed')) return 'failed';
  if (any('refused')) return 'refused';
  if (any('done')) return 'none';
  return any('stopped') ? 'stopped' : 'no_tool';
}

export interface ToolSummary { state: 'running' | 'queued' | 'failed' | 'refused' | 'done' | 'stopped' | 'no_tool'; n: number; message: string; progress: number | null }

/** The cell "Tools": the state that a person should see first, how many tools are in it, and the words of the only one. */
export function toolSummary(tools: readonly ToolRun[]): ToolSummary {
  for (const state of ['running', 'failed', 'refused', 'queued', 'done', 'stopped'] as const) {
    const those = tools.filter((tool) => tool.state === state);
    const only = those[0];
    if (only === undefined) continue;
    const known = those.map((tool) => tool.progress).filter((progress) => progress !== null);
    return {
      state, n: those.length, message: those.length === 1 ? only.message : '',
      progress: state === 'running' && known.length > 0 ? Math.min(1, Math.max(0, ...known)) : null,
    };
  }
  return { state: 'no_tool', n: 0, message: '', progress: null };
}

// ---- filters that this page applies -----------------------------------------------------------------------------------------
/** The names under which the signed-in person may stand in a list. */
export type Me = ReadonlySet<string>;
export const isMine = (row: WorklistRow, me: Me): boolean => row.with !== null && me.has(row.with.name);

export function passes(row: WorklistRow, filters: Filters, me: Me): boolean {
  if (filters.tools.length > 0) {
    const word = toolWord(row.tools, row.findings.proposed);
    const states: Partial<Record<ToolWord, ToolRun['state']>> = { refused: 'refused', failed: 'failed', stopped: 'stopped' };
    if (!filters.tools.some((asked) => asked === word || row.tools.some((tool) => tool.state === states[asked]))) return false;
  }
  if (filters.with === 'me') return isMine(row, me);
  if (filters.with === 'others') return row.with !== null && !isMine(row, me);
  if (filters.with === 'nobody') return row.with === null;
  return true;
}

/** Which of the set filters to drop so that something is seen: each one alone, with how many there would be. */
export function doors(rows: readonly WorklistRow[], filters: Filters, me: Me): { name: 'tools' | 'with'; n: number }[] {
  const without: { name: 'tools' | 'with'; filters: Filters }[] = [];
  if (filters.tools.length > 0) without.push({ name: 'tools', filters: { ...filters, tools: [] } });
  if (filters.with !== null) without.push({ name: 'with', filters: { ...filters, with: null } });
  return without.map((door) => ({ name: door.name, n: rows.filter((row) => passes(row, door.filters, me)).length })).filter((door) => door.n > 0);
}

// ---- hold: nothing moves under the hand ---------------------------------------------------------------------------------------
export interface Arrivals { total: number; byLevel: Record<Level, number> }

/**
 * Rows to show while held: the order stays as it was shown, contents are the newest; rows that left the list stay until it is
 * released. New ones are not shown, only counted.
 */
export function holdRows(shown: readonly WorklistRow[], latest: readonly WorklistRow[]): { rows: WorklistRow[]; gone: ReadonlySet<string>; arrivals: Arrivals; moved: boolean } {
  const now = new Map(latest.map((row) => [row.study_uid, row]));
  const known = new Set(shown.map((row) => row.study_uid));
  const gone = new Set<string>();
  const rows = shown.map((row) => {
    const newest = now.get(row.study_uid);
    if (newest === undefined) gone.add(row.study_uid);
    return newest ?? row;
  });
  const byLevel: Record<Level, number> = { immediate: 0, urgent: 0, soon: 0, routine: 0 };
  let total = 0;
  for (const row of latest) {
    if (known.has(row.study_uid)) continue;
    byLevel[row.level] += 1;
    total += 1;
  }
  const order = latest.filter((row) => known.has(row.study_uid)).map((row) => row.study_uid);
  const stay = shown.filter((row) => now.has(row.study_uid)).map((row) => row.study_uid);
  return { rows, gone, arrivals: { total, byLevel }, moved: order.some((study, index) => study !== stay[index]) };
}

/** Which rows are new since what was shown before; used to mark them for a moment. */
export const freshOf = (shown: readonly WorklistRow[], latest: readonly WorklistRow[]): ReadonlySet<string> => {
  const known = new Set(shown.map((row) => row.study_uid));
  return new Set(latest.filter((row) => !known.has(row.study_uid)).map((row) => row.study_uid));
};

/** Next case: the first one that nobody else has. Deeper ones are tried when somebody was quicker. */
export const nextCases = (rows: readonly WorklistRow[], me: Me): WorklistRow[] =>
  rows.filter((row) => row.state === 'complete' && (row.with === null || isMine(row, me)));

export type ReasonKind = 'flag' | 'cap' | 'order' | 'person' | 'clock' | 'other';
/** Icon of a reason, from its code; the words are the node's. */
export function reasonKind(code: string): ReasonKind {
  if (/put_?back|person|reader|manual/.test(code)) return 'person';
  if (/flag|raised|finding|suggest/.test(code)) return 'flag';
  if (/cap/.test(code)) return 'cap';
  if (/order|priority|image|default|dicom/.test(code)) return 'order';
  return /clock|wait|share|target/.test(code) ? 'clock' : 'other';
}

/** The clock of the row runs since a flag raised it, where the node says that this is the one nearer to its target. */
export const clockSinceRaised = (row: WorklistRow): boolean => row.wait.since_raised !== undefined && row.wait.since_raised !== null
  && row.wait.since_raised === row.wait.since && row.wait.since_raised !== row.wait.since_complete;
