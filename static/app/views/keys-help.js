// The keys that do something, for those who want to know.

import { t } from '../words.js';
import { showDialog, titled } from './dialog.js';
import { h } from './dom.js';

export const MAC = /^Mac/.test(navigator.platform);
const COMMAND = MAC ? '⌘' : 'Ctrl';

const KEYS = [
  [['/'], 'search'],
  [['↑', '↓'], 'go'],
  [['Shift', '↑', '↓'], 'range'],
  [['Space'], 'select'],
  [[COMMAND, 'A'], 'all'],
  [['Enter'], 'open'],
  [['F2'], 'rename'],
  [[COMMAND, 'C'], 'copy'],
  [[COMMAND, 'X'], 'cut'],
  [[COMMAND, 'V'], 'paste'],
  [['Delete'], 'delete'],
  [['Esc'], 'leave'],
  [['←', '→'], 'next'],
];

export function showKeys() {
  const rows = KEYS.map(([keys, does]) => [h('dt', {}, keys.map((key) => h('kbd', {}, key))), h('dd', {}, t(`keys.${does}`))]);
  const { dialog } = showDialog({ label: t('keys.title'), kind: 'details keys', testid: 'keys' },
    titled(t('keys.title'), () => dialog.close()), h('dl', {}, rows.flat()));
}
