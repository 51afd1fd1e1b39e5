// What goes wrong in the page, kept over reloads for the test to ask. It is put in front of the first script of the page.
(() => {
  const all = () => JSON.parse(sessionStorage.getItem('probe.problems') ?? '[]');
  const note = (text) => sessionStorage.setItem('probe.problems', JSON.stringify([...all(), text]));
  // WebKit says so although nobody changes sizes when told of them; it means that it tells of one a frame later.
  const late = !navigator.userAgent.includes('Firefox') && 'ResizeObserver loop completed with undelivered notifications.';
  addEventListener('error', ({ message, error }) =>
    message && message !== late && note(`exception in the page: ${message} ${error?.stack ?? ''}`));
  addEventListener('unhandledrejection', ({ reason }) => note(`rejection in the page: ${reason} ${reason?.stack ?? ''}`));
  addEventListener('securitypolicyviolation', (event) => note(`security: ${event.effectiveDirective} ${event.blockedURI}`));
  for (const name of ['alert', 'confirm', 'prompt']) window[name] = (text) => note(`dialog: ${text}`);
  const { error } = console;
  console.error = (...args) => {
    note(`console: ${args.join(' ')}`);
    error.apply(console, args);
  };
  window.probeMouse = []; // the last that the mouse did, and when
  for (const name of ['pointerdown', 'pointerup', 'pointercancel', 'click', 'resize']) {
    addEventListener(name, ({ target, clientX, clientY }) => {
      const what = target.closest?.('[data-testid]')?.dataset.testid ?? target.nodeName ?? 'window';
      window.probeMouse = [...window.probeMouse.slice(-11), `${Math.round(performance.now())} ${name} ${clientX},${clientY} ${what}`];
    }, true);
  }
  // The page's own listener is there by then, and so speaks first.
  addEventListener('load', () => addEventListener('beforeunload', ({ defaultPrevented }) => {
    if (defaultPrevented) sessionStorage.setItem('probe.leaving', Number(sessionStorage.getItem('probe.leaving')) + 1);
  }));
})();
