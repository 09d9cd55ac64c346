import type { Code, Finding, Measurement } from '@/api/types';
import { decimal, titleInSentence } from '@/logic/format';
import { coded, language, locale, t } from '@/messages';
import { digitsOf, shownNumber } from '../model/review';

/** A coded concept in the present language where the catalogue has it, else its meaning as the node gives it. */
export const conceptWord = (code: Code): string => coded(`concept.${code.scheme}.${code.value}`) ?? code.meaning;

export const stateWord = (state: Finding['state']): string => t(`study.state.${state}`);
export const verdictWord = (verdict: string): string => {
  switch (verdict) {
    case 'confirm':
      return t('study.state.confirmed');
    case 'edit':
      return t('study.state.edited');
    case 'reject':
      return t('study.state.rejected');
    case 'defer':
      return t('study.state.deferred');
    default:
      return verdict;
  }
};

export function measureWords(measurement: Measurement): string {
  const { value, uncertainty } = measurement;
  const more = uncertainty ? ` ${uncertainWords(measurement)}` : '';
  return `${shownNumber(value, uncertainty?.value ?? null, locale())}${more} ${unitWord(measurement)}`;
}
/** UCUM without its annotation: "g/ml{SUVbw}" is g/ml. */
export function unitWord({ unit }: Pick<Measurement, 'unit'>): string {
  const plain = unit.value.replace(/\{[^}]*\}/g, '');
  return plain === '' ? unit.meaning : plain === '1' ? '' : plain;
}
/** Quantity and method: neither says it alone. */
export const measureName = ({ code, method }: Pick<Measurement, 'code' | 'method'>): string =>
  method ? `${conceptWord(code)}, ${titleInSentence(conceptWord(method))}` : conceptWord(code);

/** The words that a tool or a person gave are the title, as long as they are short. */
export const findingTitle = (finding: Pick<Finding, 'text' | 'code'>): string => (ownTitle(finding) ? finding.text : conceptWord(finding.code));
const ownTitle = (finding: Pick<Finding, 'text' | 'code'>): boolean => finding.text !== '' && finding.text.length <= 48 && finding.text !== finding.code.meaning;
/** The language of a title that stays as it was given: English from a tool; of what a person wrote nothing is known. */
export const titleLanguage = (finding: Pick<Finding, 'text' | 'code' | 'tool'>): { lang?: 'en' } =>
  language() !== 'en' && finding.tool !== null && (ownTitle(finding) || coded(`concept.${finding.code.scheme}.${finding.code.value}`) === null) ? { lang: 'en' } : {};
export function uncertainWords(measurement: Measurement): string {
  const { uncertainty, value } = measurement;
  if (!uncertainty) return '';
  const digits = digitsOf(value, uncertainty.value);
  return t('study.find.uncertain', { value: decimal(uncertainty.value, digits) });
}

/** What the label of a mark says about its state. */
export function stateWords(finding: Finding): string {
  switch (finding.state) {
    case 'proposed':
      return t('study.mark.proposed');
    case 'confirmed':
      return t('study.mark.confirmed');
    case 'edited':
      return t('study.mark.edited');
    case 'added':
      return t('study.mark.added');
    case 'deferred':
      return t('study.mark.deferred');
    case 'rejected':
      return t('study.state.rejected');
    case 'withdrawn':
      return t('study.state.withdrawn');
  }
}
