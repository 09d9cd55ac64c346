// Server-sent events, read from a fetch stream: EventSource can neither tell its state in words nor hand over events of
// names that are not known beforehand.

export interface SseEvent { id: string | null; event: string; data: string }

/** Feeds text in pieces and gives the events that are complete. Comments (heartbeats) count as life but give no event. */
export class SseParser {
  private rest = '';
  private id: string | null = null;
  private event = '';
  private data: string[] = [];

  push(text: string): SseEvent[] {
    const found: SseEvent[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.data.length > 0) found.push({ id: this.id, event: this.event === '' ? 'message' : this.event, data: this.data.join('\n') });
        this.event = '';
        this.data = [];
      } else if (!line.startsWith(':')) {
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'data') this.data.push(value);
        else if (field === 'event') this.event = value;
        else if (field === 'id') this.id = value;
      }
    }
    return found;
  }
}

/** Seconds to wait before try number n (0 first): 1, 2, 4 … 30. */
export const backOff = (n: number): number => Math.min(30, 2 ** Math.max(0, n));
