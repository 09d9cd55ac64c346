// English, the language that the types are read from.
import { studyMessages } from '@/study/messages.en';
import { codedMessages } from './en.coded';
import { house } from './en.house';
import { shell } from './en.shell';
import { worklist } from './en.worklist';

export const en = { ...shell, ...worklist, ...house, ...studyMessages, ...codedMessages } as const;
