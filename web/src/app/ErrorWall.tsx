import { Component, type ReactNode } from 'react';
import { t } from '@/messages';

/** Shows what broke instead of a white page. */
export class ErrorWall extends Component<{ children: ReactNode }, { cause: string | null }> {
  override state: { cause: string | null } = { cause: null };
  static getDerivedStateFromError(error: unknown): { cause: string } {
    return { cause: error instanceof Error ? error.message : String(error) };
  }
  override render(): ReactNode {
    if (this.state.cause === null) return this.props.children;
    return (
      <main className="page">
        <div className="empty" role="alert">
          <h1>{t('app.broken')}</h1>
          <p>{t('app.broken.body', { cause: this.state.cause })}</p>
          <button type="button" className="btn primary" onClick={() => { window.location.reload(); }}>{t('app.reload')}</button>
        </div>
      </main>
    );
  }
}
