/** What the server says about the scale of a PET series (GET /api/studies/{uid}, series[].pet). */
export interface PetScale {
  readonly suv_factor: number | null;
  readonly suv_type: string | null;
  readonly units: string;
  readonly reason: { readonly code: string; readonly text: string } | null;
}

export type ShownScale =
  /** Stored values, rescaled, times `factor` are SUV; `label` is the quantity, `unit` its unit. */
  | { readonly kind: 'suv'; readonly factor: number; readonly label: string; readonly unit: string }
  /** Shown in the unit of the header; `reason` are the server's words why there is no SUV. */
  | { readonly kind: 'header'; readonly label: string; readonly unit: string; readonly reason: string | null };

/** (0054,1001) Units, PS3.3 C.8.9.1.1.3. */
const headerUnits: Readonly<Record<string, string>> = {
  BQML: 'Bq/ml',
  CNTS: 'counts',
  GML: 'g/ml',
  CM2ML: 'cm²/ml',
  PROPCNTS: 'proportional counts',
  PROPCPS: 'proportional counts/s',
  CPS: 'counts/s',
  '1CM': '1/cm',
  NONE: '',
};

const suvLabels: Readonly<Record<string, string>> = {
  BW: 'SUVbw',
  LBM: 'SUVlbm',
  LBMJAMES128: 'SUVlbm',
  LBMJANMA: 'SUVlbm',
  BSA: 'SUVbsa',
  IBW: 'SUVibw',
};

const plain = (type: string | null): string => (type ?? 'BW').toUpperCase().replace(/^SUV/, '') || 'BW';

/**
 * Which scale a PET series is shown in. Units GML are SUV already: whatever factor comes with them, they are not
 * scaled a second time. Without a factor from the server nothing is guessed from the header.
 */
export function chooseScale(pet: PetScale | null, unitsOfHeader: string | null): ShownScale {
  const units = (pet?.units || unitsOfHeader || '').toUpperCase();
  const type = plain(pet?.suv_type ?? null);
  const label = suvLabels[type] ?? 'SUV';
  const unit = type === 'BSA' ? 'cm²/ml' : 'g/ml';
  if (units === 'GML') return { kind: 'suv', factor: 1, label, unit };
  const factor = pet?.suv_factor ?? null;
  if (factor !== null && Number.isFinite(factor) && factor > 0) return { kind: 'suv', factor, label, unit };
  const header = headerUnits[units] ?? units.toLowerCase();
  return { kind: 'header', label: header, unit: header, reason: pet?.reason?.text ?? null };
}
