// Texts of the study desk, names begin with "study.".
export const studyMessages = {
  'study.loading': 'Loading the study',
} as const;
