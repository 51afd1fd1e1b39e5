// Wires the page: who is there, and what they see.

import { Api } from './api.js';
import { UploadEngine } from './engine.js';
import { Hasher } from './hasher.js';
import { QueueStore } from './queue-store.js';
import { authPage, signinAgain } from './views/auth.js';
import { confirmed } from './views/dialog.js';
import { DriveView } from './views/drive.js';
import { attempt, toast } from './views/toast.js';
import { showLanguage, sorry, t } from './words.js';

class Page {
  #root = document.getElementById('app');
  #user = '';
  #view = null;
  #signup = false;

  constructor() {
    this.api = new Api();
    this.notes = new QueueStore();
    this.engine = new UploadEngine({ api: this.api, hasher: new Hasher(), notes: this.notes });
    this.engine.addEventListener('signin', () => this.#askAgain());
    document.addEventListener('language', () => this.#show());
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
      this.#user = (await this.api.info()).Username;
    } catch (err) {
      if (!err.signedOut) toast(sorry(err));
    }
    await this.#enter();
  }

  async #enter() {
    this.#show();
    if (this.#user) await attempt(() => this.engine.recall());
  }

  #show() {
    this.#view?.close();
    this.#view = null;
    if (!this.#user) {
      this.#showAuth();
      return;
    }
    const { api, engine } = this;
    this.#view = new DriveView({ api, engine, username: this.#user, signout: () => this.#signout() });
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

  #askAgain() {
    const done = () => {
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
  #leave() {
    for (const upload of this.engine.uploads) this.engine.pause(upload);
    this.notes.clear();
    history.replaceState(null, '', location.pathname);
    location.reload();
  }
}

new Page().start();
