// Small choices that this browser remembers: language, theme, view, sort. Losing them costs nothing.

const PREFIX = 'blinkdrive.';

export function recallChoice(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // forbidden
  }
}

export function rememberChoice(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Full or forbidden: then it is asked again next time.
  }
}

export function forgetChoice(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Forbidden: then nothing was remembered.
  }
}

// watchChoice calls changed(value) when another tab has made another choice.
export function watchChoice(name, changed) {
  window.addEventListener('storage', ({ key, newValue }) => key === PREFIX + name && changed(newValue));
}
