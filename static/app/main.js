// Wires the page: who is there, and what they see.

import { Api } from './api.js';
import { Clipboard } from './clipboard.js';
import { UploadEngine } from './engine.js';
import { HandleStore } from './handles.js';
import { Hasher } from './hasher.js';
import { forgetChoice, rememberChoice, watchChoice } from './prefs.js';
import { QueueStore } from './queue-store.js';
import { persist, Waiting } from './retry.js';
import { authPage, signinAgain } from './views/auth.js';
import { ClashQuestions } from './views/clash.js';
import { confirmed } from './views/dialog.js';
import { DriveView } from './views/drive.js';
import { attempt, report } from './views/toast.js';
import { Trouble } from './views/trouble.js';
import { showLanguage, t } from './words.js';

const WHO = 'who'; // is signed in, for the other tabs

class Page {
  #root = document.getElementById('app');
  #user = '';
  #view = null;
  #signup = false;

  constructor() {
    this.api = new Api();
    this.notes = new QueueStore();
    this.handles = new HandleStore();
    this.clashes = new ClashQuestions();
    this.clipboard = new Clipboard();
    this.engine = new UploadEngine({ api: this.api, hasher: new Hasher(), notes: this.notes, handles: this.handles,
      locks: isSecureContext ? navigator.locks : null, ask: (question) => this.#askClash(question) });
    this.engine.addEventListener('signin', () => this.#askAgain());
    document.addEventListener('language', () => this.#show());
    watchChoice(WHO, (name) => name && this.#user && name !== this.#user && this.#startAnew());
    document.addEventListener('signedout', () => this.#user && this.engine.signedOut());
    window.addEventListener('online', () => this.engine.wake());
    window.addEventListener('beforeunload', (event) => {
      if (!this.engine.busy) return;
      event.preventDefault();
      event.returnValue = true; // for older browsers
    });
  }

  async start() {
    showLanguage();
    try {
      this.#user = (await this.#whoIsThere()).Username;
    } catch (err) {
      if (!err.signedOut) report(err);
    }
    await this.#enter();
  }

  // whoIsThere asks until it is answered: while the drive cannot be reached, nobody knows who is a stranger.
  #whoIsThere() {
    const waiting = new Waiting();
    const trouble = new Trouble({ again: () => waiting.wake() });
    const onWait = (waits, err) => {
      if (!waits) return;
      trouble.show(err, false);
      this.#root.replaceChildren(trouble.element);
    };
    return persist(() => this.api.info(), { waiting, onWait });
  }

  async #enter() {
    this.#show();
    if (this.#user) rememberChoice(WHO, this.#user);
    if (this.#user) await attempt(() => this.engine.recall());
  }

  #show() {
    for (const box of document.querySelectorAll('[popover=auto]')) box.hidePopover();
    this.#view?.close();
    this.#view = null;
    if (!this.#user) {
      this.#showAuth();
      return;
    }
    const { api, engine, clashes, clipboard } = this;
    this.#view = new DriveView({ api, engine, clashes, clipboard, username: this.#user, signout: () => this.#signout() });
    this.#root.replaceChildren(this.#view.element);
  }

  #showAuth() {
    const done = (username) => {
      this.#user = username;
      return this.#enter();
    };
    const again = (signup) => {
      this.#signup = signup;
      this.#showAuth();
    };
    this.#root.replaceChildren(authPage({ api: this.api, signup: this.#signup, done, again }));
    this.#root.querySelector('input')?.focus();
  }

  #askClash({ group, name, folder, replace }) {
    return this.clashes.ask({ group, name, replace, folder: folder === '/' ? t('nav.root') : folder });
  }

  #askAgain() {
    const done = () => {
      rememberChoice(WHO, this.#user);
      this.engine.signedIn();
      this.#show();
    };
    signinAgain({ api: this.api, username: this.#user, done, leave: () => this.#leave() });
  }

  async #signout() {
    if (this.engine.busy && !(await confirmed(t('auth.leaveBusy'), t('auth.signout')))) return;
    if (await attempt(() => this.api.signout())) this.#leave();
  }

  // leave starts the page anew, so that nothing of this person stays.
  async #leave() {
    this.engine.pauseAll();
    this.notes.clear();
    forgetChoice(WHO);
    await this.handles.clear();
    this.#startAnew();
  }

  // startAnew is also for when another tab has signed somebody else in: the session is theirs now, and what this one goes on
  // with would be theirs too.
  #startAnew() {
    this.engine.pauseAll();
    history.replaceState(null, '', location.pathname);
    location.reload();
  }
}

new Page().start();
