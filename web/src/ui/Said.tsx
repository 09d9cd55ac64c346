// Words that the node gives in English: shown as they are, and marked so that a screen reader speaks them as English.
import type { ReactNode } from 'react';
import { coded, language } from '@/messages';

/** In English everything is English already and nothing is marked. */
export function Said({ children }: { children: ReactNode }) {
  return language() === 'en' ? <>{children}</> : <span lang="en">{children}</span>;
}

/** The catalogue's words for a code, else the node's own. */
export function Coded({ name, text }: { name: string; text: string }) {
  const words = coded(name);
  return words === null ? <Said>{text}</Said> : <>{words}</>;
}
