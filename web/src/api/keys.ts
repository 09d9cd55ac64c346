// Names under which answers are kept. Server-sent events invalidate by these.
export const keys = {
  page: ['page'] as const,
  session: ['session'] as const,
  worklist: ['worklist'] as const,
  study: (study: string) => ['study', study] as const,
  findings: (study: string) => ['study', study, 'findings'] as const,
  outline: (finding: string) => ['outline', finding] as const,
  signature: (study: string) => ['study', study, 'signature'] as const,
  studyResults: (study: string) => ['study', study, 'results'] as const,
  reasons: ['reasons'] as const,
  results: ['results'] as const,
  tools: ['tools'] as const,
  ledger: ['ledger'] as const,
  health: ['health'] as const,
  deadJobs: ['dead-jobs'] as const,
  people: ['people'] as const,
  settings: ['settings'] as const,
};
