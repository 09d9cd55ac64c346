// Counting what became of the files of an upload.
export type FileState = 'waiting' | 'sending' | 'stored' | 'twice' | 'mixed' | 'refused' | 'failed';
export interface Upload {
  id: number;
  name: string;
  size: number;
  /** bytes that left so far */
  sent: number;
  state: FileState;
  stored: number;
  duplicates: number;
  refusals: readonly { name: string; text: string; where: string | null }[];
  /** why it was not sent, where `state` is "failed" */
  cause: string | null;
}

export interface Totals { files: number; done: number; waiting: number; sending: number; failed: number; stored: number; duplicates: number; refused: number; bytes: number; sent: number }

export function totalsOf(uploads: readonly Upload[]): Totals {
  const totals: Totals = { files: uploads.length, done: 0, waiting: 0, sending: 0, failed: 0, stored: 0, duplicates: 0, refused: 0, bytes: 0, sent: 0 };
  for (const upload of uploads) {
    if (upload.state === 'waiting') totals.waiting += 1;
    else if (upload.state === 'sending') totals.sending += 1;
    else if (upload.state === 'failed') totals.failed += 1;
    else totals.done += 1;
    totals.stored += upload.stored;
    totals.duplicates += upload.duplicates;
    totals.refused += upload.refusals.length;
    totals.bytes += upload.size;
    totals.sent += upload.state === 'waiting' ? 0 : upload.state === 'sending' ? upload.sent : upload.size;
  }
  return totals;
}

export function stateOf(answer: { accepted: number; duplicates: number; refused: readonly unknown[] }): FileState {
  if (answer.accepted > 0 && answer.duplicates === 0 && answer.refused.length === 0) return 'stored';
  if (answer.accepted === 0 && answer.duplicates > 0 && answer.refused.length === 0) return 'twice';
  return answer.accepted + answer.duplicates > 0 ? 'mixed' : 'refused';
}
