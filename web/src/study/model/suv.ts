/** What the server says about the scale of a PET series (GET /api/studies/{uid}, series[].pet). */
export interface PetScale {
  readonly suv_factor: number | null;
  readonly suv_type: string | null;
  readonly units: string;
  readonly reason: { readonly code: string; readonly text: string } | null;
  /** a factor for each image by its SOP Instance UID, where they differ */
  readonly factors: ReadonlyMap<string, number> | null;
}

export type ShownScale =
  /** Stored values, rescaled, times `factor` are SUV; `label` is the quantity, `unit` its unit. */
  | { readonly kind: 'suv'; readonly factor: number; readonly factors: ReadonlyMap<string, number> | null; readonly label: string; readonly unit: string }
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
  if (units === 'GML') return { kind: 'suv', factor: 1, factors: null, label, unit };
  const factor = pet?.suv_factor ?? null;
  if (factor !== null && Number.isFinite(factor) && factor > 0) return { kind: 'suv', factor, factors: null, label, unit };
  const factors = pet?.factors ?? null;
  const [first] = factors?.values() ?? [];
  if (factors && first !== undefined && [...factors.values()].every((one) => Number.isFinite(one) && one > 0)) {
    return { kind: 'suv', factor: first, factors, label, unit };
  }
  const header = headerUnits[units] ?? units.toLowerCase();
  return { kind: 'header', label: header, unit: header, reason: pet?.reason?.text ?? null };
}

/** The scale of a series as the node states it. */
export function scaleOf(series: {
  readonly pet: { suv_factor: number | null; suv_type: string | null; units: string | null; factors?: number[] | null; reason: PetScale['reason'] } | null;
  readonly instances: readonly { readonly sop_instance_uid: string }[];
}): PetScale | null {
  const { pet } = series;
  if (!pet) return null;
  const { factors } = pet;
  const paired = factors && factors.length === series.instances.length ? series.instances.map((one, at) => [one.sop_instance_uid, factors[at] ?? Number.NaN] as const) : null;
  return { suv_factor: pet.suv_factor, suv_type: pet.suv_type, units: pet.units ?? '', reason: pet.reason, factors: paired ? new Map(paired) : null };
}
