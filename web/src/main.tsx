import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import '@fontsource-variable/inter/index.css';
import './styles/tokens.css';
import './styles/ui.css';
import './styles/worklist.css';
import { App } from './app/App';
import { startLanguage } from './app/language';
import { startPreferences } from './app/preferences';

startPreferences();

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
// The first words are drawn in the person's language already.
void startLanguage().then(() => { createRoot(root).render(<StrictMode><App /></StrictMode>); });
