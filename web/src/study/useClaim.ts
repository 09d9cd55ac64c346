import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '@/api/client';
import { keys } from '@/api/keys';

const renewal = 5 * 60_000;

/** Holds the study for this reader while the desk is open; the node ends a claim that is not renewed. */
export function useClaim(study: string, wanted: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!wanted) return undefined;
    const claim = () => {
      api
        .claim(study)
        .catch(() => undefined)
        .finally(() => void client.invalidateQueries({ queryKey: keys.study(study), exact: true }));
    };
    claim();
    let seen = Date.now();
    const input = () => {
      seen = Date.now();
    };
    // Nobody at the screen for the length of a claim: it is left to end.
    const timer = setInterval(() => {
      if (Date.now() - seen < 15 * 60_000) claim();
    }, renewal);
    window.addEventListener('pointerdown', input);
    window.addEventListener('keydown', input);
    return () => {
      clearInterval(timer);
      window.removeEventListener('pointerdown', input);
      window.removeEventListener('keydown', input);
      api.release(study).catch(() => undefined);
    };
  }, [study, wanted, client]);
}
