// Figures for people: sizes, speeds, times.

// Making a formatter takes a hundred times as long as using one, and a list uses one for each row.
const formatters = new Map();

function formatter(kind, locale, options) {
  const key = `${kind.name} ${locale} ${JSON.stringify(options)}`;
  if (!formatters.has(key)) formatters.set(key, new kind(locale, options));
  return formatters.get(key);
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

// bytes writes a size with three digits or so, in steps of 1024.
export function bytes(n, locale) {
  let unit = 0;
  while (n >= 1024 && unit < UNITS.length - 1) {
    n /= 1024;
    unit++;
  }
  const digits = unit === 0 || n >= 100 ? 0 : 1;
  return `${formatter(Intl.NumberFormat, locale, { maximumFractionDigits: digits }).format(n)} ${UNITS[unit]}`;
}

export function percent(part, whole) {
  if (whole <= 0) return 100;
  return Math.min(100, Math.floor((part / whole) * 100));
}

// duration writes seconds as 0:07, 12:34 or 1:02:03.
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const pad = (n) => String(n).padStart(2, '0');
  const minutes = Math.floor(s / 60) % 60;
  const hours = Math.floor(s / 3600);
  return hours ? `${hours}:${pad(minutes)}:${pad(s % 60)}` : `${minutes}:${pad(s % 60)}`;
}

// when writes a time of the server ("2006-01-02 15:04:05", UTC) in the reader's zone and language.
export function when(text, locale) {
  const time = new Date(text.includes('T') ? text : `${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(time.getTime())) return '';
  return formatter(Intl.DateTimeFormat, locale, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

// left says how long it is until a time, roughly, as in "in 59 minutes".
export function left(text, locale, now = Date.now()) {
  const minutes = Math.max(0, Math.round((new Date(text) - now) / 60_000));
  const [n, unit] = minutes < 90 ? [minutes, 'minute'] : minutes < 2880 ? [Math.round(minutes / 60), 'hour'] : [Math.round(minutes / 1440), 'day'];
  // Chinese gets the space after a number that the page sets elsewhere.
  return formatter(Intl.RelativeTimeFormat, locale, { numeric: 'always' }).format(n, unit).replace(/(\d)(?=\p{Script=Han})/u, '$1 ');
}

// Meter measures a speed over the last few seconds.
export class Meter {
  #samples = [];
  #total = 0;

  constructor(window = 5000) {
    this.window = window;
  }

  add(count, now = Date.now()) {
    this.#total += count;
    const last = this.#samples.at(-1);
    if (last && now - last.at < 100) last.total = this.#total;
    else this.#samples.push({ at: now, total: this.#total });
    while (this.#samples.length > 2 && now - this.#samples[0].at > this.window) this.#samples.shift();
  }

  reset() {
    this.#samples = [];
  }

  // speed is in units per second; 0 while nothing is known.
  speed(now = Date.now()) {
    if (this.#samples.length < 2) return 0;
    const first = this.#samples[0];
    const span = Math.max(now, this.#samples.at(-1).at) - first.at;
    return span < 200 ? 0 : ((this.#total - first.total) * 1000) / span;
  }
}
