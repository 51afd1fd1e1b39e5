// Runs before the first paint, so that nobody who chose the dark sees a white flash. It is no module: those wait.
try {
  const theme = localStorage.getItem('blinkdrive.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No storage, no choice.
}
