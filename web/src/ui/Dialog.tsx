import type { ReactNode } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { t } from '@/messages';
import { Icon } from './icons';

/** One dialog for the whole page. `alert` is for acts that need an answer; focus stays inside and returns on close. */
export function Dialog({ open, onClose, title, alert = false, children }: {
  open: boolean; onClose: () => void; title: string; alert?: boolean; children: ReactNode;
}) {
  return (
    <ModalOverlay className="scrim" isOpen={open} onOpenChange={(isOpen) => { if (!isOpen) onClose(); }} isDismissable={!alert}>
      <Modal className="dialog">
        <AriaDialog role={alert ? 'alertdialog' : 'dialog'}>
          <div className="hd">
            <Heading slot="title" level={2}>{title}</Heading>
            <span className="grow" />
            <button type="button" className="btn quiet sq" aria-label={t('action.close')} onClick={onClose}><Icon name="x" /></button>
          </div>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
