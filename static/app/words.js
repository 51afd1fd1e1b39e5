// The page's words in its languages. A word may have {places} for values.

import { zh } from './words-zh.js';

const KEY = 'blinkdrive.language';

const en = {
  'app.tagline': 'Files that arrive in a blink',
  'language.name': 'English',
  'language.choose': 'Language',

  'auth.signin': 'Sign in',
  'auth.signup': 'Create account',
  'auth.signout': 'Sign out',
  'auth.username': 'Username',
  'auth.password': 'Password',
  'auth.usernameRule': '3 to 64 characters',
  'auth.passwordRule': '8 to 128 characters',
  'auth.toSignup': 'New here? Create an account',
  'auth.toSignin': 'Have an account? Sign in',
  'auth.again': 'Your session has ended. Sign in again and everything goes on.',
  'auth.other': 'Use another account',
  'auth.leaveBusy': 'Files are still on their way. They stop when you sign out, and can be continued later.',

  'nav.views': 'Views',
  'nav.files': 'Files',
  'nav.recent': 'Recent',
  'nav.trash': 'Trash',
  'nav.path': 'Folder path',
  'nav.root': 'My drive',
  'nav.account': 'Account',
  'quota.used': '{used} of {total} used',
  'quota.plain': '{used} used',

  'files.upload': 'Upload files',
  'files.newFolder': 'New folder',
  'files.folderName': 'Folder name',
  'files.list': 'Files and folders',
  'files.more': 'Show more',
  'files.empty': 'Nothing here yet. Drop files anywhere on this page.',
  'files.emptyRecent': 'No files yet. Drop files anywhere on this page.',
  'files.emptyTrash': 'The trash is empty.',
  'files.loading': 'Loading…',
  'files.folder': 'Folder',
  'files.drop': 'Drop to upload to {folder}',
  'files.noFolders': 'Folders cannot be dropped yet; open them and drop their files.',
  'files.download': 'Download',
  'files.rename': 'Rename',
  'files.newName': 'New name',
  'files.delete': 'Delete',
  'files.restore': 'Restore',
  'files.purge': 'Delete for ever',
  'files.emptyTheTrash': 'Empty trash',
  'files.trashed': '“{name}” is in the trash.',
  'files.restored': '“{name}” is back.',
  'files.undo': 'Undo',
  'files.purgeSure': 'Delete “{name}” for ever? This cannot be undone.',
  'files.emptySure': 'Delete everything in the trash for ever? This cannot be undone.',
  'files.action': '{action}: {name}',

  'dialog.ok': 'OK',
  'dialog.cancel': 'Cancel',
  'dialog.close': 'Close',

  'upload.title': 'Uploads',
  'upload.total': '{sent} of {size} · {speed}/s · {left} left',
  'upload.clear': 'Clear finished',
  'upload.queued': 'Waiting',
  'upload.hashing': 'Reading {percent} %',
  'upload.uploading': 'Uploading',
  'upload.checking': 'Checking',
  'upload.paused': 'Paused',
  'upload.done': 'Done',
  'upload.instant': 'Instant',
  'upload.instantWhy': 'The drive knew this file; nothing more had to be sent.',
  'upload.failed': 'Failed',
  'upload.cancelled': 'Cancelled',
  'upload.needsfile': 'Unfinished: choose the same file again to continue',
  'upload.offline': 'No connection; trying again',
  'upload.signin': 'Waiting for you to sign in',
  'upload.progress': '{sent} of {size}',
  'upload.speed': '{speed}/s',
  'upload.left': '{time} left',
  'upload.pause': 'Pause',
  'upload.resume': 'Resume',
  'upload.retry': 'Try again',
  'upload.cancel': 'Cancel',
  'upload.dismiss': 'Dismiss',
  'upload.choose': 'Choose the file',
  'upload.discard': 'Discard',
  'upload.notSame': 'This is not the same file.',

  'error.offline': 'The drive cannot be reached.',
  'error.unknown': 'Something went wrong.',
  'error.file': 'The file cannot be read. Was it changed, moved or deleted?',
  'error.-1': 'The drive did not accept this.',
  'error.10001': 'The drive did not accept this.',
  'error.10002': 'Something went wrong on the drive.',
  'error.10003': 'The account could not be made: {msg}.',
  'error.10004': 'Username or password is wrong.',
  'error.10005': 'Please sign in again.',
  'error.10101': 'The drive received other bytes than this file has. Try again.',
  'error.10102': 'It is not there any more.',
  'error.10103': 'This is not allowed.',
  'error.10105': 'There is something of this name already, or it was changed meanwhile.',
  'error.10106': 'This file is too large for this drive.',
  'error.10107': 'The drive is busy with this. Try again in a moment.',
  'error.10108': 'Too many tries. Wait a minute, then try again.',
  'error.10109': 'The drive cannot do this now. Try again in a moment.',
  'error.10110': 'The drive is out of space.',
  'error.10111': 'Your space is used up. Delete files, and empty the trash.',
  'error.10112': 'Another content has the same SHA-1; this file cannot be stored.',
  'error.10113': 'This file is damaged on the drive. Upload it again.',
};

export const languages = { en, zh };

let current = initial();

export function language() {
  return current;
}

// showLanguage tells the browser, and with it screen readers, what the page is written in.
export function showLanguage() {
  document.documentElement.lang = { en: 'en', zh: 'zh-CN' }[current];
}

export function setLanguage(name) {
  current = languages[name] ? name : 'en';
  showLanguage();
  try {
    localStorage.setItem(KEY, current);
  } catch {
    // Then it is asked of the browser again next time.
  }
}

// t returns a word with its places filled in.
export function t(key, values = {}) {
  const word = languages[current][key] ?? en[key] ?? key;
  return word.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

// sorry says what went wrong, for people.
export function sorry(err) {
  if (err.name !== 'ApiError') return t(err.name === 'NotSame' ? 'upload.notSame' : fileTrouble(err));
  if (err.offline) return t('error.offline');
  const key = `error.${err.code}`;
  const known = key in en && !(err.code === 10001 || err.code === -1);
  return known ? t(key, { msg: err.msg }) : `${t('error.unknown')} ${err.msg}`.trim();
}

function fileTrouble(err) {
  return ['NotReadableError', 'NotFoundError', 'SecurityError'].includes(err.name) ? 'error.file' : 'error.unknown';
}

function initial() {
  let stored;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    stored = null;
  }
  if (languages[stored]) return stored;
  return (navigator.languages?.[0] ?? navigator.language ?? '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
