import { describe, expect, it } from 'vitest';
import { readProblem } from '../src/api/client';
import { hrefOf, parseRoute } from '../src/app/router';
import { healthWarnings } from '../src/logic/health';
import { backOff, SseParser } from '../src/logic/sse';
import { stateOf, totalsOf, type Upload } from '../src/logic/uploads';

describe('the line of live events', () => {
  it('gives an event only when it is complete, however the bytes come', () => {
    const parser = new SseParser();
    const text = ': beat\n\nid: 7\nevent: study.completed\ndata: {"seq":7}\n\nid: 8\ndata: a\ndata: b\n\n';
    const found = [...text].flatMap((letter) => parser.push(letter));
    expect(found).toEqual([{ id: '7', event: 'study.completed', data: '{"seq":7}' }, { id: '8', event: 'message', data: 'a\nb' }]);
  });
  it('reads line ends of every kind', () => { expect(new SseParser().push('data: x\r\n\r\n')).toEqual([{ id: null, event: 'message', data: 'x' }]); });
  it('waits longer after each miss, thirty seconds at most', () => { expect([0, 1, 2, 3, 9].map(backOff)).toEqual([1, 2, 4, 8, 30]); });
});

describe('addresses', () => {
  it('lead to pages and back', () => {
    for (const route of [{ page: 'worklist' }, { page: 'results' }, { page: 'study', studyUid: '2.25.1' }] as const) expect(parseRoute(hrefOf(route))).toEqual(route);
    expect(parseRoute('/study/')).toEqual({ page: 'unknown', path: '/study/' });
    expect(parseRoute('/nowhere')).toEqual({ page: 'unknown', path: '/nowhere' });
  });
});

describe('a problem of the node', () => {
  it('is read with its place and way out', () => {
    expect(readProblem({ title: 'No', code: 'study.not_found', remedy: 'Look again', where: '/api' }, 404)).toEqual({ title: 'No', status: 404, code: 'study.not_found', remedy: 'Look again', where: '/api' });
    expect(readProblem('<html>', 502)).toBeNull();
  });
});

describe('health', () => {
  it('asks for a person where a destination fails, a job was given up, or the chain broke', () => {
    const sound = {
      node: { version: '', started_at: '', uptime_s: 0, role: '' }, intake: { per_minute: [], last_at: null, receiving: [] }, queue: [{ kind: 'send', queued: 9, running: 1, dead: 0 }],
      disk: { total: 100, free: 50, used_by_vault: 1, used_by_index: 1, reserve: 10 }, destinations: [{ name: 'PACS', kind: 'dimse', host: '', state: 'ok', queued: 0, last_ok_at: null, last_error: null }],
      sandbox: { ok: true, lacking: [] }, ledger: { rows: 1, verified_at: null, ok: true },
    };
    expect(healthWarnings(sound)).toEqual([]);
    const broken = { ...sound, queue: [{ kind: 'send', queued: 0, running: 0, dead: 2 }], ledger: { ...sound.ledger, ok: false }, disk: { ...sound.disk, free: 10 }, destinations: [{ name: 'PACS', kind: 'dimse', host: '', state: 'failing', queued: 0, last_ok_at: null, last_error: null }] };
    expect(healthWarnings(broken).map((warning) => warning.part)).toEqual(['destination', 'dead', 'ledger', 'disk']);
  });
});

describe('an upload', () => {
  const upload = (change: Partial<Upload>): Upload => ({ id: 1, name: 'a.dcm', size: 100, sent: 0, state: 'waiting', stored: 0, duplicates: 0, refusals: [], cause: null, ...change });
  it('counts files, instances and bytes', () => {
    const totals = totalsOf([upload({ state: 'stored', stored: 1 }), upload({ state: 'sending', sent: 40 }), upload({}), upload({ state: 'refused', refusals: [{ name: 'notes.txt', text: '', where: null }] })]);
    expect(totals).toEqual({ files: 4, done: 2, waiting: 1, sending: 1, failed: 0, stored: 1, duplicates: 0, refused: 1, bytes: 400, sent: 240 });
  });
  it('tells stored, already here, partly and refused apart', () => {
    expect([stateOf({ accepted: 1, duplicates: 0, refused: [] }), stateOf({ accepted: 0, duplicates: 1, refused: [] }), stateOf({ accepted: 3, duplicates: 0, refused: [1] }), stateOf({ accepted: 0, duplicates: 0, refused: [1] })])
      .toEqual(['stored', 'twice', 'mixed', 'refused']);
  });
});
