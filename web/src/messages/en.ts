// English, the language that the types are read from.
import { studyMessages } from '@/study/messages.en';
import { shell } from './en.shell';

export const en = { ...shell, ...studyMessages } as const;
