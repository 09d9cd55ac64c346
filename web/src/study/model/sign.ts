import type { SignaturePreview, WillSend } from '@/api/types';

export interface Destination {
  readonly name: string;
  readonly kind: string;
  readonly objects: readonly WillSend[];
}

const protocols: Readonly<Record<string, string>> = { dimse: 'C-STORE', stow: 'STOW', fhir: 'FHIR', hl7: 'HL7' };
export const protocolOf = (kind: string): string => protocols[kind.toLowerCase()] ?? kind;

/** What goes where, by destination, in the order of the node. */
export function destinations(preview: Pick<SignaturePreview, 'will_send'>): readonly Destination[] {
  const names = [...new Set(preview.will_send.map((one) => one.destination))];
  return names.map((name) => {
    const objects = preview.will_send.filter((one) => one.destination === name);
    return { name, kind: objects[0]?.kind ?? '', objects };
  });
}

/** The different objects that are sent, each once. */
export function objects(preview: Pick<SignaturePreview, 'will_send'>): readonly { object: string; description: string }[] {
  const seen = new Map<string, { object: string; description: string }>();
  for (const one of preview.will_send) seen.set(`${one.object} ${one.description}`, { object: one.object, description: one.description });
  return [...seen.values()];
}

export type SignState =
  | { readonly kind: 'signed'; readonly by: string; readonly at: string; readonly version: number }
  | { readonly kind: 'unsaved' }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'closed'; readonly why: string | null }
  | { readonly kind: 'open' };

/** Whether the person may sign now, and which words say why not. */
export function signState(preview: SignaturePreview, unsaved: number, mayRead: boolean): SignState {
  if (preview.signed) return { kind: 'signed', ...preview.signed };
  if (!mayRead) return { kind: 'forbidden' };
  if (unsaved > 0) return { kind: 'unsaved' };
  return preview.can_sign ? { kind: 'open' } : { kind: 'closed', why: preview.why_not };
}
