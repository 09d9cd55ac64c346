import { describe, expect, it } from 'vitest';
import type { Level, ToolRun, WorklistRow } from '../src/api/types';
import { clockSinceRaised, doors, freshOf, holdRows, nextCases, nodeQuery, passes, plainFilters, readFilters, toolSummary, toolWord, writeFilters } from '../src/logic/worklist';

const me = new Set(['reader1']);
const tool = (state: ToolRun['state'], message = '', progress: number | null = null): ToolRun => ({ id: 'pet_uptake', version: '0.1.0', state, message, demonstrator: false, progress });
const row = (study: string, change: Partial<WorklistRow> = {}): WorklistRow => ({
  study_uid: study, patient: { name: study, id: study, birth_date: null, sex: null }, modalities: ['CT'], description: '', accession: '', body_part: '', images: 1,
  received_at: '2026-11-23T09:00:00.000Z', complete_at: '2026-11-23T09:00:00.000Z', state: 'complete', place: 1, place_without_ai: 1, level: 'routine',
  ordered: { level: 'routine', source: 'order', text: '' }, suggested: null,
  wait: { since: '2026-11-23T09:00:00.000Z', target_at: '2026-11-23T10:00:00.000Z', cap_at: '2026-11-23T12:00:00.000Z', share: 0.1, near_cap: false },
  reasons: [], displaced: null, tools: [], findings: { proposed: 0, confirmed: 0, rejected: 0, deferred: 0, urgent: 0 }, with: null, put_back: null, ...change,
});
const of = (...studies: string[]): WorklistRow[] => studies.map((study) => row(study));
const order = (rows: readonly WorklistRow[]): string => rows.map((one) => one.study_uid).join('');

describe('the address', () => {
  it('gives the same filters back', () => {
    const search = 'status=all&level=immediate%2Curgent&modality=CT%2CPT&search=phantom+42&sort=received&tools=refused%2Cfailed&with=me';
    expect(writeFilters(readFilters(new URLSearchParams(search))).toString()).toBe(search);
  });
  it('is empty for the plain list', () => { expect(writeFilters(plainFilters).toString()).toBe(''); });
  it('is the same for equal views, in whatever order they were set', () => {
    expect(writeFilters(readFilters(new URLSearchParams('modality=PT,CT&level=urgent,immediate'))).toString()).toBe('level=immediate%2Curgent&modality=CT%2CPT');
  });
  it('leaves out what it does not know, so an old link still opens', () => {
    expect(readFilters(new URLSearchParams('status=archived&level=stat,urgent&modality=<script>&sort=age&tools=x&with=everyone'))).toEqual({ ...plainFilters, level: ['urgent'] });
  });
  it('asks the node only for what the node can answer', () => {
    expect(nodeQuery({ ...plainFilters, level: ['urgent'], with: 'me', tools: ['failed'] }, 200, 'abc').toString()).toBe('level=urgent&status=open&sort=place&limit=200&cursor=abc');
  });
});

describe('the word for the tools of a row', () => {
  it('is a different one for each of the states', () => {
    const words = [
      toolWord([tool('done')], 2), toolWord([tool('done')], 0), toolWord([], 0), toolWord([tool('refused')], 0), toolWord([tool('failed')], 0),
      toolWord([tool('running')], 0), toolWord([tool('queued')], 0), toolWord([tool('stopped')], 0),
    ];
    expect(words).toEqual(['proposed', 'none', 'no_tool', 'refused', 'failed', 'running', 'queued', 'stopped']);
    expect(new Set(words).size).toBe(words.length);
  });
  it('never says that nothing is proposed while a tool still runs, or when none could', () => {
    expect(toolWord([tool('done'), tool('running')], 0)).toBe('running');
    expect(toolWord([tool('done'), tool('refused')], 0)).toBe('refused');
    expect(toolWord([tool('not_applicable')], 0)).toBe('no_tool');
  });
  it('shows first what a person should see, with the words of the only one', () => {
    expect(toolSummary([tool('done'), tool('done')])).toMatchObject({ state: 'done', n: 2, message: '' });
    expect(toolSummary([tool('done'), tool('refused', 'weight 0')])).toMatchObject({ state: 'refused', n: 1, message: 'weight 0' });
    expect(toolSummary([tool('running', '', 0.62), tool('failed')])).toMatchObject({ state: 'running', progress: 0.62 });
    expect(toolSummary([])).toMatchObject({ state: 'no_tool' });
  });
});

describe('a held list', () => {
  it('keeps its order and takes the newest contents', () => {
    const held = holdRows(of('a', 'b', 'c'), [row('c', { level: 'urgent' }), row('a'), row('b')]);
    expect(order(held.rows)).toBe('abc');
    expect(held.rows[2]?.level).toBe('urgent');
    expect(held.moved).toBe(true);
  });
  it('counts new cases by level and does not show them', () => {
    const level = (name: string, of_: Level): WorklistRow => row(name, { level: of_ });
    const held = holdRows(of('a', 'b'), [level('x', 'immediate'), row('a'), level('y', 'urgent'), level('z', 'urgent'), row('b')]);
    expect(order(held.rows)).toBe('ab');
    expect(held.arrivals).toEqual({ total: 3, byLevel: { immediate: 1, urgent: 2, soon: 0, routine: 0 } });
    expect(held.moved).toBe(false);
  });
  it('leaves a row that went in its place, and says that it went', () => {
    const held = holdRows(of('a', 'b', 'c'), of('a', 'c'));
    expect(order(held.rows)).toBe('abc');
    expect([...held.gone]).toEqual(['b']);
    expect(held.moved).toBe(false);
  });
  it('marks only what is new when it is released', () => { expect([...freshOf(of('a', 'b'), of('c', 'a', 'b'))]).toEqual(['c']); });
});

describe('filters of the page', () => {
  const rows = [row('a', { with: { name: 'reader1', since: '' } }), row('b', { with: { name: 'reader2', since: '' } }), row('c', { tools: [tool('failed')] })];
  it('tell mine from others', () => {
    expect(order(rows.filter((one) => passes(one, { ...plainFilters, with: 'me' }, me)))).toBe('a');
    expect(order(rows.filter((one) => passes(one, { ...plainFilters, with: 'others' }, me)))).toBe('b');
    expect(order(rows.filter((one) => passes(one, { ...plainFilters, with: 'nobody' }, me)))).toBe('c');
  });
  it('find a failed tool also beside one that is done', () => {
    expect(passes(row('d', { tools: [tool('done'), tool('failed')], findings: { proposed: 1, confirmed: 0, rejected: 0, deferred: 0, urgent: 0 } }), { ...plainFilters, tools: ['failed'] }, me)).toBe(true);
  });
  it('name the one that shuts the door', () => {
    expect(doors(rows, { ...plainFilters, with: 'me', tools: ['failed'] }, me)).toEqual([{ name: 'tools', n: 1 }, { name: 'with', n: 1 }]);
  });
  it('take as next case the first complete one that nobody else has', () => {
    expect(order(nextCases([row('a', { state: 'receiving' }), row('b', { with: { name: 'reader2', since: '' } }), row('c'), row('d', { with: { name: 'reader1', since: '' } })], me))).toBe('cd');
  });
});

describe('the clock of a raised row', () => {
  it('is marked as since raised only when it runs from the flag', () => {
    const base = row('a');
    const clocks = { since_complete: base.wait.since, since_raised: '2026-11-23T09:40:00.000Z' };
    expect(clockSinceRaised({ ...base, wait: { ...base.wait, ...clocks, since: clocks.since_raised } })).toBe(true);
    expect(clockSinceRaised({ ...base, wait: { ...base.wait, ...clocks } })).toBe(false);
    expect(clockSinceRaised(base)).toBe(false);
  });
});
