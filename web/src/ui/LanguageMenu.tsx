import { Button, Menu, MenuItem, MenuTrigger, Popover } from 'react-aria-components';
import { chooseLanguage, offered, useLanguage } from '@/app/language';
import { toast } from '@/app/toast';
import { isLanguage, languages, t } from '@/messages';
import { Icon } from './icons';

/** Every language under its own name, so that it is found by who cannot read the present one. */
export function LanguageMenu({ named = false }: { named?: boolean }) {
  const present = useLanguage();
  const choose = (key: string): void => {
    if (isLanguage(key)) void chooseLanguage(key).then((done) => { if (!done) toast(t('language.failed')); });
  };
  const name = isLanguage(present) ? languages[present].name : present;
  return (
    <MenuTrigger>
      <Button className={`btn quiet ${named ? '' : 'sq'} lang-b`} aria-label={t('language.label', { name })}><Icon name="globe" />{named ? <span>{name}</span> : null}</Button>
      <Popover className="pop lang-p" placement="bottom end">
        <Menu className="menu" aria-label={t('language.title')} selectionMode="single" disallowEmptySelection selectedKeys={[present]} onAction={(key) => { choose(String(key)); }}>
          {offered.map((one) => <MenuItem key={one} id={one} className="item" textValue={languages[one].name}><Icon name="check" className="tick" /><span className="grow" lang={one}>{languages[one].name}</span></MenuItem>)}
        </Menu>
        {present === 'en' ? null : <p className="tiny lang-n">{t('language.note')}</p>}
      </Popover>
    </MenuTrigger>
  );
}
