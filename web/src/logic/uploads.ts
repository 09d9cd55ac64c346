// Counting what became of the files of an upload. Files travel in batches, so that a study arrives as one piece and not as a
// thousand visits; the node answers for a batch with counts and with the names of what it refused.
export type FileState = 'waiting' | 'sending' | 'stored' | 'twice' | 'either' | 'refused' | 'failed';
export interface Upload {
  id: number;
  name: string;
  size: number;
  /** bytes that left so far */
  sent: number;
  state: FileState;
  /** why it was not sent, where `state` is "failed"; why it was refused, where it is "refused" */
  cause: string | null;
}
export interface Refusal { name: string; text: string; where: string | null }
export interface Answer { accepted: number; duplicates: number; refused: readonly { name: string; text: string; where?: string }[] }

export interface Totals { files: number; done: number; left: number; failed: number; bytes: number; sent: number }

export function totalsOf(uploads: readonly Upload[]): Totals {
  const totals: Totals = { files: uploads.length, done: 0, left: 0, failed: 0, bytes: 0, sent: 0 };
  for (const upload of uploads) {
    if (upload.state === 'waiting' || upload.state === 'sending') totals.left += 1;
    else if (upload.state === 'failed') totals.failed += 1;
    else totals.done += 1;
    totals.bytes += upload.size;
    totals.sent += upload.state === 'waiting' ? 0 : upload.state === 'sending' ? Math.min(upload.sent, upload.size) : upload.size;
  }
  return totals;
}

const isZip = (name: string): boolean => /\.zip$/i.test(name);

/** The next files that travel together: a ZIP alone, else at most `most` files or `bytes` bytes, at least one. */
export function nextBatch(uploads: readonly Upload[], most: number, bytes: number): Upload[] {
  const waiting = uploads.filter((upload) => upload.state === 'waiting');
  const first = waiting[0];
  if (first === undefined || isZip(first.name)) return first === undefined ? [] : [first];
  const batch: Upload[] = [];
  let size = 0;
  for (const upload of waiting) {
    if (isZip(upload.name)) break;
    if (batch.length > 0 && (batch.length >= most || size + upload.size > bytes)) break;
    batch.push(upload);
    size += upload.size;
  }
  return batch;
}

/** How many bytes of each file of a batch have left when `sent` bytes of the whole body have. */
export function spread(batch: readonly Upload[], sent: number): Map<number, number> {
  const out = new Map<number, number>();
  let rest = sent;
  for (const upload of batch) {
    out.set(upload.id, Math.max(0, Math.min(upload.size, rest)));
    rest -= upload.size;
  }
  return out;
}

/** What became of each file: the refused ones are named; the others share the counts of the batch. */
export function judge(batch: readonly Upload[], answer: Answer): Map<number, { state: FileState; cause: string | null }> {
  const taken: FileState = answer.accepted + answer.duplicates === 0 ? 'refused' : answer.duplicates === 0 ? 'stored' : answer.accepted === 0 ? 'twice' : 'either';
  return new Map(batch.map((upload) => {
    const refusal = answer.refused.find((refused) => refused.name === upload.name || (batch.length === 1 && answer.accepted + answer.duplicates === 0));
    return [upload.id, refusal === undefined ? { state: taken, cause: null } : { state: 'refused' as const, cause: refusal.text }];
  }));
}
