// A list of any length of which only what is in sight is in the document. All its lines are of one height.

const BEYOND = 6; // lines kept above and below what is in sight

export class Windowed {
  #lines = new Map(); // key → element
  #frame = 0;
  #watch = new ResizeObserver(() => this.#later());

  // scroller shows body. keyOf(index) names a line; line(index, element) returns its element, up to date: the old one,
  // where there is one, or a new one.
  constructor({ scroller, body, height, keyOf, line }) {
    Object.assign(this, { scroller, body, height, keyOf, line });
    this.count = 0;
    scroller.addEventListener('scroll', () => this.#later(), { passive: true });
    this.#watch.observe(scroller);
  }

  close() {
    this.#watch.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  set({ count, height = this.height }) {
    Object.assign(this, { count, height });
    this.draw();
  }

  #later() {
    this.#frame ||= requestAnimationFrame(() => this.draw());
  }

  // range returns the first line in sight and the one behind the last.
  get range() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.floor(scrollTop / this.height);
    return { first, last: Math.min(this.count, Math.ceil((scrollTop + clientHeight) / this.height)) };
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.body.style.height = `${this.count * this.height}px`;
    const indexes = this.#indexes();
    const before = this.#lines;
    this.#lines = new Map();
    for (const index of indexes) {
      const key = this.keyOf(index);
      const element = this.line(index, before.get(key));
      element.style.transform = `translateY(${index * this.height}px)`;
      this.#lines.set(key, element);
    }
    const kept = new Set(this.#lines.values());
    for (const element of before.values()) if (!kept.has(element)) element.remove();
    this.#arrange();
    this.ondraw?.(this.range);
  }

  // indexes are the lines in sight and around, and the one that has the focus: it must not vanish under the keyboard.
  #indexes() {
    const { first, last } = this.range;
    const from = Math.max(0, Math.min(first, this.count) - BEYOND);
    const to = Math.min(this.count, last + BEYOND);
    const indexes = Array.from({ length: to - from }, (_, i) => from + i);
    const held = this.held?.() ?? -1;
    if (held >= 0 && held < from) indexes.unshift(held);
    if (held >= to && held < this.count) indexes.push(held);
    return indexes;
  }

  // arrange puts the lines in order without moving those that are: a moved element loses the focus.
  #arrange() {
    let next = this.body.firstChild;
    for (const element of this.#lines.values()) {
      if (element === next) next = next.nextSibling;
      else this.body.insertBefore(element, next);
    }
  }

  // show scrolls no further than needed to bring a line in sight.
  show(index) {
    const { scroller, height } = this;
    const [top, bottom] = [index * height, (index + 1) * height];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
    this.draw();
  }
}
