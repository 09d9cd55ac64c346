// Names as DICOM writes them, made readable.
import type { Patient } from '@/api/types';
import { t } from '@/messages';

/** "Family^Given^Middle" to "Family, Given Middle"; only the first component group is shown. */
export function personName(name: string): string {
  const group = name.split('=').find((part) => part.replaceAll('^', '').trim() !== '') ?? '';
  const [family = '', ...given] = group.split('^').map((part) => part.trim());
  const rest = given.slice(0, 2).filter((part) => part !== '').join(' ');
  return [family, rest].filter((part) => part !== '').join(', ');
}

export const patientTitle = (patient: Patient): string => personName(patient.name) || patient.id;

/** Whole years between the birth date (YYYY-MM-DD or YYYYMMDD) and now; null where it is unknown. */
export function ageYears(birth: string | null, now: number): number | null {
  const match = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(birth ?? '');
  if (match === null) return null;
  const at = new Date(now);
  const [year, month, date] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const before = at.getMonth() + 1 < month || (at.getMonth() + 1 === month && at.getDate() < date);
  const age = at.getFullYear() - year - (before ? 1 : 0);
  return age >= 0 && age < 150 ? age : null;
}

/** Patient's Sex (0010,0040) as the language abbreviates it; another value is shown as it came. */
const sexLetter = (sex: string): string => (sex === 'M' || sex === 'F' || sex === 'O' ? t(`sex.${sex}`) : sex);
export function sexAndAge(patient: Patient, now: number): string {
  const age = ageYears(patient.birth_date, now);
  return [sexLetter(patient.sex ?? ''), age === null ? '' : String(age)].filter((part) => part !== '').join(' ');
}

const notPictures = new Set(['SR', 'SEG', 'PR', 'KO', 'RTSTRUCT', 'REG', 'DOC', 'OT', 'AU', 'PLAN']);
const shown: Readonly<Record<string, string>> = { PT: 'PET', NM: 'NM', CR: 'DX' };
const first = ['PT', 'NM', 'CT', 'MR'];

/** "PET/CT" for PT and CT: pictures only, the functional modality first. */
export function modalityLabel(modalities: readonly string[]): string {
  const pictures = modalities.filter((modality) => !notPictures.has(modality));
  const rank = (modality: string): number => (first.includes(modality) ? first.indexOf(modality) : first.length);
  const sorted = (pictures.length === 0 ? [...modalities] : pictures).toSorted((a, b) => rank(a) - rank(b));
  return [...new Set(sorted.map((modality) => shown[modality] ?? modality))].join('/') || '–';
}
