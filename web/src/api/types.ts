// The shapes of the node's HTTP API, as written in its OpenAPI document. Times are RFC 3339 UTC, coordinates DICOM patient
// coordinates (LPS) in millimetres. Nothing here decides anything: place, level and words come from the node.

export type Level = 'immediate' | 'urgent' | 'soon' | 'routine';
export type Role =
  | 'reader' | 'screening_reader' | 'radiographer' | 'tool_engineer' | 'administrator'
  | 'data_steward' | 'coordinator' | 'auditor' | 'service';
export type Point3 = readonly [number, number, number];

export interface Code { value: string; scheme: string; meaning: string }
export interface Reason { code: string; text: string }

/** RFC 9457 problem body with the node's own members. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  /** stable slug such as "study.not_found" */
  code: string;
  where?: string;
  remedy?: string;
  reference?: string;
}

// ---- session -------------------------------------------------------------------------------------------------------
export interface Session {
  user: { name: string; roles: Role[]; display: string };
  csrf: string;
  expires_at: string;
}
export interface PageInfo {
  product: string;
  version: string;
  build: string;
  ae_title: string;
  demo: boolean;
  demo_sign_in: { user: string; password: string } | null;
}

// ---- worklist ------------------------------------------------------------------------------------------------------
export interface Patient { name: string; id: string; birth_date: string | null; sex: string | null }
export type ToolState = 'queued' | 'running' | 'done' | 'refused' | 'failed' | 'stopped' | 'not_applicable';
export interface ToolRun {
  id: string;
  version: string;
  state: ToolState;
  message: string;
  demonstrator: boolean;
  /** 0..1 while running */
  progress: number | null;
}
export interface Wait {
  since: string;
  target_at: string;
  cap_at: string;
  /** share of the target already used; 1 = target reached */
  share: number;
  near_cap: boolean;
  since_complete?: string | null;
  /** set where a flag started a clock of its own */
  since_raised?: string | null;
}
export interface PlaceReason { code: string; text: string; since: string | null }
export interface Ordered { level: Level; source: 'order' | 'images' | 'default'; text: string }
export interface Suggested { level: Level; used: boolean; text: string }
export interface Holder { name: string; since: string }
export interface Displaced { count: number; text: string }
export interface PutBack { by: string; reason: string; at: string }
export interface FindingCounts {
  proposed: number;
  confirmed: number;
  rejected: number;
  deferred: number;
  urgent: number;
  /** words for the first proposed finding, where the node gives them */
  text?: string | null;
}
export type StudyState = 'receiving' | 'complete' | 'signed';

export interface WorklistRow {
  study_uid: string;
  patient: Patient;
  modalities: string[];
  description: string;
  accession: string;
  body_part: string;
  images: number;
  received_at: string;
  complete_at: string | null;
  state: StudyState;
  place: number;
  place_without_ai: number;
  level: Level;
  ordered: Ordered;
  suggested: Suggested | null;
  wait: Wait;
  /** first = main reason, words ready to show */
  reasons: PlaceReason[];
  displaced: Displaced | null;
  tools: ToolRun[];
  findings: FindingCounts;
  with: Holder | null;
  put_back: PutBack | null;
}
export interface Worklist { rows: WorklistRow[]; next: string | null; as_of: string; total: number }
export interface Claim { with: Holder; expires_at: string }

// ---- study ---------------------------------------------------------------------------------------------------------
export interface SeriesInstance { sop_instance_uid: string; number: number | null; frames: number }
export interface PetInfo {
  /** factor from stored value to SUV, null where it cannot be known */
  suv_factor: number | null;
  suv_type: string | null;
  units: string | null;
  /** one factor per image, in the order of `instances`, where they differ; then suv_factor is null */
  factors?: number[] | null;
  reason: Reason | null;
}
export interface Series {
  series_uid: string;
  modality: string;
  number: number | null;
  description: string;
  images: number;
  body_part: string;
  frame_of_reference_uid: string;
  sop_class_uid: string;
  /** a result object of this node */
  made_here?: boolean;
  instances: SeriesInstance[];
  first_instance_uid: string;
  pet: PetInfo | null;
}
export interface SeriesGeometry {
  series_uid: string;
  state: 'regular' | 'irregular' | 'single';
  code: string | null;
  text: string | null;
  measurable: boolean;
}
export interface StudyToolRun extends ToolRun {
  findings: number;
  started_at: string | null;
  finished_at: string | null;
  reason: Reason | null;
}
export interface Signed { by: string; at: string; version: number }
export interface Priority {
  level: Level;
  ordered: Ordered;
  suggested: Suggested | null;
  wait: Wait;
  reasons: PlaceReason[];
  place: number;
  place_without_ai: number;
}
export interface Conflict { sop_instance_uid: string; text: string; at: string }
export interface PriorStudy { study_uid: string; description: string; study_date: string | null; modalities: string[] }
export interface Study {
  study_uid: string;
  patient: Patient;
  description: string;
  accession: string;
  study_date: string | null;
  state: StudyState;
  version: number;
  complete_at: string | null;
  reopened: boolean;
  geometry: SeriesGeometry[];
  series: Series[];
  tools: StudyToolRun[];
  priority: Priority | null;
  conflicts: Conflict[];
  with: Holder | null;
  signed: Signed | null;
  prior_studies: PriorStudy[];
}

// ---- findings ------------------------------------------------------------------------------------------------------
export type FindingState = 'proposed' | 'confirmed' | 'edited' | 'rejected' | 'deferred' | 'withdrawn' | 'added';
export type VerdictKind = 'confirm' | 'edit' | 'reject' | 'defer';
export interface Measurement {
  code: Code;
  value: number;
  unit: Code;
  method: Code | null;
  uncertainty: { value: number; kind: string; text: string } | null;
  derived_by: { tool: string; version: string } | null;
  gate: { state: string; text: string } | null;
}
export interface Region {
  kind: 'mask' | 'point' | 'none' | 'contour';
  frame_of_reference_uid: string;
  series_uid: string;
  centre_mm: Point3;
  bounds_mm: readonly [Point3, Point3] | null;
  volume_ml: number | null;
}
export interface Verdict {
  verdict: string;
  by: string;
  at: string;
  reason: Reason | null;
  changes: FindingChanges | null;
  comment: string | null;
  undone: boolean;
}
export interface FindingTool { id: string; version: string; digest: string; name: string; demonstrator: boolean }
export interface FindingChanges {
  code?: Code;
  site?: Code | null;
  laterality?: Code | null;
  measurements?: Measurement[];
  urgency?: Level;
}
export interface FindingValues {
  code: Code;
  site: Code | null;
  laterality: Code | null;
  urgency: Level;
  measurements: Measurement[];
}
export interface Finding extends FindingValues {
  id: string;
  number: number;
  state: FindingState;
  text: string;
  score: number | null;
  region: Region;
  tracking_uid: string;
  tool: FindingTool | null;
  why: string;
  limits: string[];
  created_at: string;
  etag: string;
  verdicts: Verdict[];
  /** set where a person added it */
  author: { name: string } | null;
  /** the tool's own values, kept after an edit */
  original: Partial<FindingValues> | null;
}
export interface FindingSet { findings: Finding[]; unreviewed: number }
export interface OutlineSlice { sop_instance_uid: string; frame: number; polygons: Point3[][] }
export interface Outline {
  finding: string;
  frame_of_reference_uid: string;
  series_uid: string;
  slices: OutlineSlice[];
  centre_mm: Point3;
  radius_mm: number;
}
export interface VerdictRequest {
  verdict: VerdictKind;
  reason: { code: string } | null;
  comment: string;
  changes?: FindingChanges;
}
export interface NewFinding {
  code: Code;
  site: Code | null;
  laterality: Code | null;
  text: string;
  region: { kind: 'point'; centre_mm: Point3; frame_of_reference_uid: string; series_uid: string };
  measurements: Measurement[];
}
export interface CodedReason { code: string; text: string; key?: string; /** a comment must say more */ needs_words?: boolean }
export interface Reasons {
  reject: CodedReason[];
  put_back: CodedReason[];
  stop: CodedReason[];
  finding_codes: Code[];
  sites: Code[];
  lateralities?: Code[];
}

// ---- signature and results -----------------------------------------------------------------------------------------
export interface WillSend { object: 'SR' | 'SEG'; description: string; destination: string; kind: string }
export interface SignaturePreview {
  can_sign: boolean;
  why_not: string | null;
  version: number;
  words: string[];
  will_send: WillSend[];
  unreviewed: { id: string; number: number; text: string }[];
  rejected: number;
  signed: Signed | null;
  etag: string;
}
export type DeliveryState = 'queued' | 'sending' | 'sent' | 'retrying' | 'dead';
export interface Delivery {
  destination: string;
  kind: string;
  state: DeliveryState;
  attempts: number;
  last_error: string | null;
  next_try_at: string | null;
  sent_at: string | null;
}
export interface ResultObject {
  id: string;
  object: 'SR' | 'SEG';
  sop_instance_uid: string;
  series_uid: string;
  status: 'proposed' | 'signed';
  version: number;
  created_at: string;
  deliveries: Delivery[];
}
export interface ResultList { results: ResultObject[] }
export interface HouseResult extends ResultObject { study_uid: string; patient: Patient | null; description: string }
export interface HouseResults { results: HouseResult[]; next: string | null }
export interface SignatureDone { signed: Signed; results: ResultObject[] }

// ---- house ---------------------------------------------------------------------------------------------------------
export interface ToolCard {
  id: string;
  name: string;
  version: string;
  maker: string;
  intended_use: string;
  demonstrator: boolean;
  state: 'active' | 'stopped';
  state_reason: string | null;
  changed_by: string | null;
  changed_at: string | null;
  limits: string[];
  licence: string;
  regulatory_status: string;
  runs: { done: number; refused: number; failed: number };
  /** share confirmed or edited of those reviewed, with its 95 % Wilson interval */
  reviewed: { n: number; confirmed: number; share: number; low: number; high: number } | null;
  median_seconds: number | null;
}
export interface LedgerRow {
  seq: number;
  at: string;
  kind: string;
  text: string;
  actor: string;
  subject: string | null;
  details: unknown;
  hash: string;
  previous: string;
}
export interface LedgerPage {
  rows: LedgerRow[];
  next: string | null;
  verified: { ok: boolean; at: string | null; rows: number; first_fault: string | null } | null;
}
export interface LiveEvent { seq: number; kind: string; study_uid: string | null; at: string }
export interface Health {
  node: { version: string; started_at: string; uptime_s: number; role: string; centre?: string };
  intake: { per_minute: number[]; last_at: string | null; receiving: { calling_ae: string; since: string; images: number }[] };
  queue: { kind: string; queued: number; running: number; dead: number }[];
  disk: { total: number; free: number; used_by_vault: number; used_by_index: number; reserve: number; accepting?: boolean };
  destinations: { name: string; kind: string; host: string; state: string; queued: number; dead?: number; last_ok_at: string | null; last_error: string | null }[];
  sandbox: { ok: boolean; lacking: string[] };
  ledger: { rows: number; verified_at: string | null; ok: boolean };
}
export interface EchoAnswer { ok: boolean; ms: number; text: string }
export interface DeadJob { id: string; kind: string; study_uid?: string | null; attempts: number; cause: string; at: string }
export interface Person { name: string; display?: string; roles: Role[]; created_at: string; disabled: boolean }
export interface SettingRow {
  name: string;
  type: string;
  value: unknown;
  default: unknown;
  bounds: string | null;
  unit: string | null;
  help: string;
  needs_restart: boolean;
  source: string;
}
export interface UploadAnswer {
  accepted: number;
  duplicates: number;
  refused: { name: string; code: string; text: string; where?: string }[];
  studies: string[];
}
