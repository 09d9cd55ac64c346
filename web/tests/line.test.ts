import { describe, expect, it } from 'vitest';
import { readProblem } from '../src/api/client';
import { hrefOf, parseRoute } from '../src/app/router';
import { healthWarnings } from '../src/logic/health';
import { backOff, SseParser } from '../src/logic/sse';
import { judge, nextBatch, spread, totalsOf, type Answer, type Upload } from '../src/logic/uploads';

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
  const upload = (id: number, change: Partial<Upload> = {}): Upload => ({ id, name: `${id}.dcm`, size: 100, sent: 0, state: 'waiting', cause: null, ...change });
  it('counts files and bytes', () => {
    expect(totalsOf([upload(1, { state: 'stored' }), upload(2, { state: 'sending', sent: 40 }), upload(3), upload(4, { state: 'refused' }), upload(5, { state: 'failed' })]))
      .toEqual({ files: 5, done: 2, left: 2, failed: 1, bytes: 500, sent: 340 });
  });
  it('sends files together, so that a study arrives in one piece, and a ZIP alone', () => {
    const ids = (batch: readonly Upload[]): number[] => batch.map((one) => one.id);
    const all = [upload(1), upload(2), upload(3, { name: 'a.ZIP' }), upload(4)];
    expect(ids(nextBatch(all, 200, 1000))).toEqual([1, 2]);
    expect(ids(nextBatch(all.slice(2), 200, 1000))).toEqual([3]);
    expect(ids(nextBatch(all, 1, 1000))).toEqual([1]);
    expect(ids(nextBatch([upload(1, { size: 5000 }), upload(2)], 200, 1000))).toEqual([1]);
    expect(nextBatch([upload(1, { state: 'stored' })], 200, 1000)).toEqual([]);
  });
  it('shows how far each file of a batch is', () => { expect([...spread([upload(1), upload(2), upload(3)], 150).values()]).toEqual([100, 50, 0]); });
  it('tells stored, already here, perhaps and refused apart', () => {
    const states = (answer: Answer): string[] => [...judge([upload(1), upload(2)], answer).values()].map((one) => one.state);
    expect(states({ accepted: 2, duplicates: 0, refused: [] })).toEqual(['stored', 'stored']);
    expect(states({ accepted: 0, duplicates: 2, refused: [] })).toEqual(['twice', 'twice']);
    expect(states({ accepted: 1, duplicates: 1, refused: [] })).toEqual(['either', 'either']);
    expect(states({ accepted: 1, duplicates: 0, refused: [{ name: '2.dcm', text: 'no' }] })).toEqual(['stored', 'refused']);
    expect(states({ accepted: 0, duplicates: 0, refused: [] })).toEqual(['refused', 'refused']);
  });
});
