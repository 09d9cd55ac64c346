// Which parts of the health answer ask for a person. Technical only; nothing about a patient.
import type { Health } from '@/api/types';

export type WarningOf = { part: 'destination'; name: string } | { part: 'dead'; kind: string; n: number } | { part: 'sandbox' } | { part: 'ledger' } | { part: 'disk' };

export function healthWarnings(health: Health): WarningOf[] {
  const warnings: WarningOf[] = [];
  for (const destination of health.destinations) if (badDestination(destination.state)) warnings.push({ part: 'destination', name: destination.name });
  for (const queue of health.queue) if (queue.dead > 0) warnings.push({ part: 'dead', kind: queue.kind, n: queue.dead });
  if (!health.sandbox.ok) warnings.push({ part: 'sandbox' });
  if (!health.ledger.ok) warnings.push({ part: 'ledger' });
  if (atReserve(health)) warnings.push({ part: 'disk' });
  return warnings;
}

const working = new Set(['ok', 'up', 'idle', 'sending', 'unknown', 'ready', 'untried', 'never']);
export const badDestination = (state: string): boolean => !working.has(state.toLowerCase());
/** New studies are refused because the disk reached its reserve. */
export const atReserve = (health: Health): boolean =>
  health.disk.accepting === undefined ? health.disk.total > 0 && health.disk.free <= health.disk.reserve : !health.disk.accepting;
