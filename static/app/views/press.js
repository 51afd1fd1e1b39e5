// While a button of the mouse is down on a list, or a finger, the list must stay as it is: what is drawn anew under it, or
// moves away, gets no click, and what comes into its place may get one that was not meant for it.

const CLICK = 100; // milliseconds in which the click follows, for a finger

export class Press {
  #down = false;
  #missed = false; // there is something to be drawn
  #timer = 0;

  // draw is called after a press in which it was put off.
  constructor(element, draw, signal) {
    this.draw = draw;
    element.addEventListener('pointerdown', () => this.#begin(), { signal, capture: true });
    const ends = { pointerup: CLICK, click: 0, pointercancel: 0, dragstart: 0, keydown: 0 };
    for (const [event, wait] of Object.entries(ends)) {
      window.addEventListener(event, () => this.#endIn(wait), { signal, capture: true });
    }
    window.addEventListener('blur', () => this.#endIn(0), { signal }); // not that of an element
    element.addEventListener('scroll', () => this.end(), { signal, capture: true });
    signal.addEventListener('abort', () => clearTimeout(this.#timer));
  }

  // putsOff reports whether what is to be drawn must wait.
  putsOff() {
    this.#missed ||= this.#down;
    return this.#down;
  }

  #begin() {
    clearTimeout(this.#timer);
    this.#down = true;
  }

  #endIn(wait) {
    if (!this.#down) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(), wait);
  }

  end() {
    clearTimeout(this.#timer);
    this.#down = false;
    if (!this.#missed) return;
    this.#missed = false;
    this.draw();
  }
}
