// Light, dark, or as the system says. first-paint.js applies the choice before anything is drawn.

import { recallChoice, rememberChoice } from './prefs.js';

export const THEMES = ['system', 'light', 'dark'];

export function theme() {
  const chosen = recallChoice('theme');
  return THEMES.includes(chosen) ? chosen : 'system';
}

export function setTheme(name) {
  rememberChoice('theme', name);
  if (name === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}
