// Greek. Made by a machine, formal address; not yet read by a clinician who speaks it: docs/languages.md says how to correct it.
import { coded } from './coded';
import { house } from './house';
import { shell } from './shell';
import { study } from './study';
import { worklist } from './worklist';

export const el = { ...shell, ...worklist, ...house, ...study, ...coded };
