import type { VerdictRequest } from '@/api/types';

/** A verdict that a person gave and the node has not stored. */
export interface Pending {
  readonly finding: string;
  readonly number: number;
  readonly etag: string;
  readonly request: VerdictRequest;
  readonly at: number;
  readonly tries: number;
  /** waiting: not stored, tried again · conflict: somebody changed the finding · signed: somebody signed first */
  readonly state: 'waiting' | 'conflict' | 'signed';
  readonly said: string | null;
  /** when it is tried again, ms; null: not by itself */
  readonly nextTry: number | null;
}

export interface Drafts {
  readonly pending: readonly Pending[];
  /** what is typed into the form of a finding, as text */
  readonly forms: Readonly<Record<string, unknown>>;
}

const empty: Drafts = { pending: [], forms: {} };
const version = 1;
export const draftName = (study: string): string => `vedette.drafts.${study}`;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function isPending(value: unknown): value is Pending {
  return (
    isRecord(value) &&
    typeof value['finding'] === 'string' &&
    typeof value['number'] === 'number' &&
    typeof value['etag'] === 'string' &&
    isRecord(value['request']) &&
    typeof value['request']['verdict'] === 'string' &&
    typeof value['state'] === 'string'
  );
}

export function readDrafts(raw: string | null): Drafts {
  if (raw === null) return empty;
  try {
    const body: unknown = JSON.parse(raw);
    if (!isRecord(body) || body['version'] !== version) return empty;
    const pending = Array.isArray(body['pending']) ? body['pending'].filter(isPending) : [];
    return { pending, forms: isRecord(body['forms']) ? body['forms'] : {} };
  } catch {
    return empty;
  }
}

export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/**
 * What was decided or typed but is not on the node yet, kept by the browser under the study so that a crash loses
 * nothing. Holds identifiers and choices only, no name of a patient.
 */
export class DraftStore {
  readonly #store: Store | null;
  readonly #name: string;
  #drafts: Drafts;
  readonly #listeners = new Set<() => void>();

  constructor(store: Store | null, study: string) {
    this.#store = store;
    this.#name = draftName(study);
    let raw: string | null = null;
    try {
      raw = store?.getItem(this.#name) ?? null;
    } catch {
      // Storage is closed: drafts live as long as the page.
    }
    this.#drafts = readDrafts(raw);
  }

  get = (): Drafts => this.#drafts;
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** A later choice for the same finding replaces the earlier one. */
  put(pending: Pending): void {
    this.#become({ ...this.#drafts, pending: [...this.#drafts.pending.filter((one) => one.finding !== pending.finding), pending] });
  }
  drop(finding: string): void {
    if (this.#drafts.pending.some((one) => one.finding === finding)) {
      this.#become({ ...this.#drafts, pending: this.#drafts.pending.filter((one) => one.finding !== finding) });
    }
  }
  keepForm(name: string, form: unknown): void {
    this.#become({ ...this.#drafts, forms: { ...this.#drafts.forms, [name]: form } });
  }
  dropForm(name: string): void {
    if (!(name in this.#drafts.forms)) return;
    const { [name]: _gone, ...forms } = this.#drafts.forms;
    this.#become({ ...this.#drafts, forms });
  }

  #become(drafts: Drafts): void {
    this.#drafts = drafts;
    const nothing = drafts.pending.length === 0 && Object.keys(drafts.forms).length === 0;
    try {
      if (nothing) this.#store?.removeItem(this.#name);
      else this.#store?.setItem(this.#name, JSON.stringify({ version, ...drafts }));
    } catch {
      // Full or closed storage: the draft stays in the page.
    }
    for (const listener of this.#listeners) listener();
  }
}

/** Seconds until the next try: 2, 4, 8, then every 15. */
export const pauseBefore = (tries: number): number => Math.min(15, 2 ** Math.max(1, tries));
