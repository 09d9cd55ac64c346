import { describe, expect, it } from 'vitest';
import { DraftStore, draftName, pauseBefore, readDrafts, type Pending, type Store } from './drafts';

class Memory implements Store {
  readonly kept = new Map<string, string>();
  getItem = (name: string) => this.kept.get(name) ?? null;
  setItem = (name: string, value: string) => void this.kept.set(name, value);
  removeItem = (name: string) => void this.kept.delete(name);
}
const pending = (finding: string, verdict: 'confirm' | 'reject' = 'confirm'): Pending => ({
  finding,
  number: 1,
  etag: '"1"',
  request: { verdict, reason: null, comment: '' },
  at: 0,
  tries: 0,
  state: 'waiting',
  said: null,
  nextTry: 0,
});

describe('drafts', () => {
  it('survive a crash of the page', () => {
    const memory = new Memory();
    new DraftStore(memory, '1.2.3').put(pending('a'));
    expect(new DraftStore(memory, '1.2.3').get().pending).toEqual([pending('a')]);
    expect(new DraftStore(memory, '9.9').get().pending).toEqual([]);
  });
  it('keep one choice per finding, the later one', () => {
    const store = new DraftStore(new Memory(), '1');
    store.put(pending('a'));
    store.put(pending('a', 'reject'));
    expect(store.get().pending.map((one) => one.request.verdict)).toEqual(['reject']);
  });
  it('leave nothing behind when all is stored', () => {
    const memory = new Memory();
    const store = new DraftStore(memory, '1');
    store.put(pending('a'));
    store.keepForm('a', { comment: 'x' });
    store.drop('a');
    store.dropForm('a');
    expect(memory.kept.size).toBe(0);
  });
  it('ignore what another program or version wrote', () => {
    for (const raw of [null, '', '{', '[]', '{"version":99,"pending":[]}', '{"version":1,"pending":[{"finding":3}]}']) {
      expect(readDrafts(raw).pending).toEqual([]);
    }
  });
  it('work where storage is closed', () => {
    const closed: Store = {
      getItem: () => { throw new Error('closed'); },
      setItem: () => { throw new Error('closed'); },
      removeItem: () => { throw new Error('closed'); },
    };
    const store = new DraftStore(closed, '1');
    store.put(pending('a'));
    expect(store.get().pending).toHaveLength(1);
  });
  it('are kept under the study only, no name of a patient', () => {
    expect(draftName('1.2.840')).toBe('vedette.drafts.1.2.840');
  });
  it('are tried again sooner at first, then every fifteen seconds', () => {
    expect([1, 2, 3, 4, 9].map(pauseBefore)).toEqual([2, 4, 8, 15, 15]);
  });
});
