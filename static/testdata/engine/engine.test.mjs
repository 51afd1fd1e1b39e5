// The upload engine by itself, against the real server.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { chunk, count, LateHasher, newFile, Person, QuickHasher, sha1, tell, until } from './drive.mjs';

const UPPART = '/file/mpupload/uppart';

// sentOnce checks that no chunk that had been acknowledged was sent again: the line counts the requests that came.
async function sentOnce(before, chunks) {
  assert.equal((await count(UPPART)) - before, chunks);
}

afterEach(() => tell('release'));

test('files of all sizes arrive, with their times', async () => {
  const person = await Person.join();
  person.open();
  const files = [newFile('empty', 0), newFile('small', 1000), newFile('other', 2000), newFile('middle', 300_000), newFile('large', 3 * chunk + 1)];
  const uploads = await person.bring(files, '/made/here');
  for (const [i, upload] of uploads.entries()) {
    assert.equal(upload.state, 'done', `${upload.name}: ${upload.error}`);
    assert.equal(upload.entry.Path, `/made/here/${files[i].name}`);
    assert.equal(upload.entry.ModifiedAt, '2020-02-29T00:00:00Z', upload.name);
    assert.equal(upload.sent, files[i].size);
    await person.has(upload.entry, files[i]);
  }
  assert.equal(person.memory.get('blinkdrive.uploads'), '{}');
});

test('what another has is instant', async () => {
  const file = newFile('talk.mov', 5 * chunk);
  const first = await Person.join();
  first.open();
  await first.bring([file]);
  const second = await Person.join();
  second.open();
  await tell('hold', { n: 2 }); // only the drive's knowledge can bring this upload to its end
  const [upload] = await second.bring([file]);
  assert.equal(upload.state, 'instant');
  await second.has(upload.entry, file);
  await second.leavesNothing();
});

test('what is paused while the drive answers stays paused', async () => {
  const person = await Person.join();
  const engine = person.open();
  const { api } = person;
  const init = api.init.bind(api);
  api.init = async (...about) => {
    const answer = await init(...about);
    engine.pause(upload);
    return answer;
  };
  const file = newFile('paused.bin', 2 * chunk);
  engine.add([file], '/');
  const [upload] = engine.uploads;
  await person.reaches(upload, 'paused');
  api.init = init;
  engine.resume(upload);
  await person.reaches(upload, 'done');
  await person.has(upload.entry, file);
});

test('what turns out to be known in mid-upload becomes instant', async () => {
  const file = newFile('late.mov', 5 * chunk);
  const first = await Person.join();
  first.open();
  await first.bring([file]);
  const second = await Person.join();
  await tell('hold', { n: 2 });
  let go;
  const twoSent = new Promise((resolve) => (go = resolve));
  const engine = second.open({ hasher: new LateHasher(twoSent) });
  engine.add([file], '/');
  const [upload] = engine.uploads;
  await until('two chunks on the drive', async () => upload.uploadId && (await second.api.status(upload.uploadId)).ChunkExists.length === 2);
  go();
  await second.reaches(upload, 'instant');
  await second.has(upload.entry, file);
  await second.leavesNothing();
});

test('what another has is not sent at all where hashing is quick', async () => {
  const file = newFile('quick.mov', 5 * chunk);
  const first = await Person.join();
  first.open();
  await first.bring([file]);
  const before = await count(UPPART);
  const second = await Person.join();
  second.open({ hasher: new QuickHasher() });
  const [upload] = await second.bring([file]);
  assert.equal(upload.state, 'instant');
  await sentOnce(before, 0);
});

test('a killed server costs no chunk', async () => {
  const person = await Person.join();
  const engine = person.open();
  const file = newFile('survivor.bin', 5 * chunk);
  await tell('hold', { n: 2 });
  engine.add([file], '/');
  const [upload] = engine.uploads;
  await until('two chunks', () => upload.sent >= 2 * chunk && upload.uploadId);
  const held = async () => (await person.api.status(upload.uploadId)).ChunkExists.length;
  await until('two chunks on the drive', async () => (await held()) === 2);
  await tell('kill');
  await tell('release');
  await until('it to notice', () => upload.note === 'offline');
  await tell('start');
  engine.wake();
  await person.reaches(upload, 'done');
  await person.has(upload.entry, file);
});

test('a page that was closed goes on where it was', async () => {
  const person = await Person.join();
  let engine = person.open();
  const file = newFile('holiday.mp4', 5 * chunk);
  await tell('hold', { n: 3 });
  engine.add([file], '/album');
  const { uploads: [before] } = engine;
  await until('an upload', () => before.uploadId);
  await until('three chunks', async () => (await person.api.status(before.uploadId)).ChunkExists.length === 3);
  engine.pauseAll(); // ends what is on its way, as closing the page would
  await tell('release');

  const sent = await count(UPPART);
  engine = person.open();
  await engine.recall();
  const [upload] = engine.uploads;
  assert.equal(upload.state, 'needsfile');
  assert.equal(upload.sent, 3 * chunk);
  engine.add([file], '/elsewhere'); // it looks like the file, and continues the upload where that was to go
  assert.equal(engine.uploads.length, 1);
  await person.reaches(upload, 'done');
  assert.equal(upload.entry.Path, '/album/holiday.mp4');
  await person.has(upload.entry, file);
  await sentOnce(sent, 2);
});

test('another file is not taken for an unfinished one', async () => {
  const person = await Person.join();
  let engine = person.open();
  await tell('hold', { n: 1 });
  engine.add([newFile('a.bin', 2 * chunk)], '/');
  await until('the digest that tells', async () => (await person.api.status())[0]?.FileHash);
  engine.pauseAll();
  await tell('release');
  engine = person.open();
  person.memory.clear(); // another device: nothing is known of the file's time
  await engine.recall();
  const [upload] = engine.uploads;
  assert.equal(engine.attach(upload, newFile('a.bin', 2 * chunk + 1)), false);
  assert.equal(engine.attach(upload, newFile('a.bin', 2 * chunk)), true);
  await until('the refusal', () => upload.state === 'needsfile');
  assert.equal(upload.error.name, 'NotSame');
  await engine.cancel(upload);
  await person.leavesNothing();
});

test('a chunk that was hurt on the way is sent again', async () => {
  const person = await Person.join();
  person.open();
  const file = newFile('troubled.bin', 4 * chunk);
  await tell('expect', { [UPPART]: [{ corrupt: true }, { corrupt: true }, { status: 503 }, {}], '/file/mpupload/complete': [{ status: 409, code: -2, data: { Missing: [2] } }] });
  const [upload] = await person.bring([file]);
  assert.equal(upload.state, 'done', String(upload.error));
  assert.equal(await tell('left'), 0);
  await person.has(upload.entry, file);
});

test('a session that ends in mid-upload asks for the password and goes on', async () => {
  const person = await Person.join();
  const engine = person.open();
  let asked = 0;
  engine.addEventListener('signin', () => asked++);
  const file = newFile('long.bin', 4 * chunk);
  await tell('hold', { n: 1 });
  engine.add([file], '/');
  const [upload] = engine.uploads;
  await until('an upload', () => upload.uploadId);
  await person.api.signout();
  await tell('release');
  await until('the question', () => upload.note === 'signin');
  await person.signIn();
  engine.signedIn();
  await person.reaches(upload, 'done');
  assert.equal(asked, 1);
  await person.has(upload.entry, file);
});

test('a taken name is asked about once, and nothing is lost', async () => {
  const person = await Person.join();
  const first = newFile('plan.txt', 400_000);
  person.open();
  const [{ entry: old }] = await person.bring([first]);
  for (const [how, state, name] of [['rename', 'done', 'plan (2).txt'], ['skip', 'skipped', undefined], ['replace', 'done', 'plan.txt']]) {
    person.open({ ask: how });
    const file = newFile('plan.txt', 400_000);
    const [upload] = await person.bring([file]);
    assert.deepEqual([upload.state, upload.entry?.FileName], [state, name], how);
    assert.deepEqual(person.asked, ['plan.txt']);
    if (upload.entry) await person.has(upload.entry, file);
  }
  const { entries } = await person.api.trash();
  assert.deepEqual(entries.map((e) => e.ID), [old.ID]); // what was replaced
  person.open({ ask: 'fail the test' });
  await person.bring([first], '/other');
  const [again] = await person.bring([first], '/other');
  assert.equal(again.state, 'present');
  assert.deepEqual(person.asked, []);
});

test('a name that is taken meanwhile is asked about too', async () => {
  const person = await Person.join();
  const engine = person.open();
  await tell('hold', { n: 1 });
  engine.add([newFile('race.bin', 2 * chunk)], '/');
  const [upload] = engine.uploads;
  await until('an upload', () => upload.uploadId);
  await person.api.sendForm([newFile('race.bin', 10)], { path: '/', conflict: 'fail' });
  await tell('release');
  await person.reaches(upload, 'done');
  assert.equal(upload.entry.FileName, 'race (2).bin');
  assert.deepEqual(person.asked, ['race.bin']);
});

test('a folder is not replaced, whether the page knows of it or not', async () => {
  const person = await Person.join();
  const ask = ({ replace }) => (replace ? 'replace' : 'rename');
  for (const [folder, questions] of [['/known', 1], ['/unknown', 2]]) {
    for (const [name, size] of [['small', 10], ['middle', 400_000], ['large', 6_000_000]]) {
      await person.api.mkdir(`${folder}/${name}`);
      const engine = person.open({ ask });
      if (folder === '/unknown') engine.names.find = async () => null; // as in a folder with too many entries to be read
      const file = newFile(name, size);
      const [upload] = await person.bring([file], folder);
      assert.deepEqual([upload.state, upload.entry?.FileName], ['done', `${name} (2)`]);
      assert.deepEqual(person.asked, Array(questions).fill(name), folder);
      await person.has(upload.entry, file);
    }
  }
  const { entries } = await person.api.trash();
  assert.deepEqual(entries, []);
  await person.leavesNothing();
});

test('pause, resume and cancel', async () => {
  const person = await Person.join();
  const engine = person.open();
  const file = newFile('big.bin', 4 * chunk);
  await tell('hold', { n: 1 });
  engine.add([file, newFile('unwanted.bin', 2 * chunk)], '/');
  const [upload, unwanted] = engine.uploads;
  await until('two uploads', () => upload.uploadId && unwanted.uploadId);
  engine.pause(upload);
  assert.equal(upload.state, 'paused');
  const cancelled = engine.cancel(unwanted);
  assert.equal(engine.uploads.length, 1);
  await cancelled;
  assert.deepEqual((await person.api.status()).map((s) => s.UploadID), [upload.uploadId]);
  await tell('release');
  assert.equal(engine.busy, false);
  engine.resume(upload);
  await person.reaches(upload, 'done');
  await person.has(upload.entry, file);
  await person.leavesNothing();
});

test('one content under two names goes up once', async () => {
  const person = await Person.join();
  const engine = person.open();
  const file = newFile('original.bin', 3 * chunk);
  const twin = new File([file], 'copy.bin');
  await person.bring([file, twin]);
  assert.deepEqual(engine.uploads.map((u) => u.entry?.FileSha1), Array(2).fill(await sha1(file)));
  await person.leavesNothing();
});
