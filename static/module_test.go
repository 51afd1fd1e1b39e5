package static_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEngineKnowsNoDOM reads the modules below the views: what they need is given to them.
func TestEngineKnowsNoDOM(t *testing.T) {
	t.Parallel()
	files := pageFiles(t)
	dom := regexp.MustCompile(`\bdocument\.|\bwindow\.|\bHTMLElement\b|\bquerySelector`)
	comment := regexp.MustCompile(`(?m)//.*$`)
	for _, name := range []string{
		"engine", "upload", "run", "session", "digest", "calls", "lanes", "locks", "batch", "chunks", "instant", "taken", "progress", "retry",
		"names", "entry-name", "pace", "queue-store", "handles", "hasher", "hash-worker",
		"listing", "selection", "clipboard", "each", "walk", "kinds", "format", "api", "send",
	} {
		body, ok := files["app/"+name+".js"]
		if !ok {
			t.Errorf("there is no module %s", name)
		}
		if found := dom.FindString(comment.ReplaceAllString(body, "")); found != "" {
			t.Errorf("%s.js knows %s", name, found)
		}
	}
}

// testEngine runs the upload engine by itself against the drive, with no view of it anywhere.
func testEngine(t *testing.T, b *tab) {
	b.signUp(newName())
	b.wait(`(async () => {
		const load = (name) => import('/static/app/' + name + '.js');
		const [{ UploadEngine }, { Api }, { Hasher }, { QueueStore }] =
			await Promise.all(['engine', 'api', 'hasher', 'queue-store'].map(load));
		const memory = new Map();
		const storage = { getItem: (k) => memory.get(k) ?? null, setItem: (k, v) => memory.set(k, v) };
		const asked = [];
		const engine = new UploadEngine({ api: new Api(), hasher: new Hasher(), notes: new QueueStore(storage),
			ask: async ({ name }) => (asked.push(name), 'rename') });
		const file = (name, size, fill) => new File([new Uint8Array(size).fill(fill)], name);
		const settled = () => new Promise((resolve) => {
			const look = () => engine.busy || resolve(engine.uploads.map((u) => u.name + ' ' + u.state + ' ' + (u.entry?.FileName ?? '-')).sort().join('; '));
			engine.addEventListener('change', () => setTimeout(look));
			look();
		});
		engine.add([file('empty', 0, 0), file('small', 1000, 1), file('middle', 300000, 2), file('large', 7000000, 3)], '/made/here');
		const first = await settled();
		engine.clearEnded();
		engine.add([file('small', 1000, 1), file('middle', 300000, 9)], '/made/here');
		const second = await settled();
		window.said = JSON.stringify({ first, second, asked, left: engine.uploads.length, notes: memory.get('blinkdrive.uploads') });
		return true;
	})()`)
	said, err := evaluate[string](b, `window.said`)
	b.must(err)
	var got struct {
		First, Second string
		Asked         []string
		Notes         string
	}
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatal(err)
	}
	if want := "empty done empty; large done large; middle done middle; small done small"; got.First != want {
		t.Errorf("first: %s, want %s", got.First, want)
	}
	if want := "middle done middle (2); small present -"; got.Second != want {
		t.Errorf("again: %s, want %s", got.Second, want)
	}
	if !slices.Equal(got.Asked, []string{"middle"}) || got.Notes != "{}" {
		t.Errorf("asked about %v, notes left %s", got.Asked, got.Notes)
	}
}

// testOrder compares the page's order of names with the drive's, which is by bytes.
func testOrder(t *testing.T, b *tab) {
	alphabet := []rune("abAB 01-é旅\uffee𠀀😀")
	names := make([]string, 300)
	for i := range names {
		random := make([]byte, 1+i%5)
		_, _ = rand.Read(random) // never fails
		var name strings.Builder
		for _, r := range random {
			name.WriteRune(alphabet[int(r)%len(alphabet)])
		}
		names[i] = name.String()
	}
	want := slices.Sorted(slices.Values(names))
	said, err := evaluate[string](b, fmt.Sprintf(`import('/static/app/listing.js').then(({ byBytes }) => JSON.stringify(%s.sort(byBytes)))`, jsList(names)))
	b.must(err)
	var got []string
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the page sorts %q, the drive %q", got, want)
	}
}

// testOldAnswer changes a list while the drive is asked for it: an answer from before does not take that back.
func testOldAnswer(_ *testing.T, b *tab) {
	b.wait(`(async () => {
		const { Listing, orderOf } = await import('/static/app/listing.js');
		const file = (FileName) => ({ ID: FileName, FileName, Kind: 'file', FileSize: 1 });
		let held = { entries: ['a', 'c', 'd'].map(file), cursor: '' };
		let answer;
		const load = () => held ?? new Promise((resolve) => { answer = resolve; });
		const listing = new Listing({ load, order: orderOf('name', 'asc') });
		await listing.all();
		held = null;
		const asked = listing.refresh();
		listing.put(file('b'));
		listing.put(file('e'));
		listing.put({ ...file('d'), FileSize: 2 });
		listing.remove(['a', 'e']);
		answer({ entries: ['a', 'c', 'd', 'z'].map(file), cursor: '' });
		await asked;
		const after = listing.entries.map((e) => e.ID + e.FileSize).join();
		const again = listing.refresh(); // begun later, it is believed
		answer({ entries: ['a', 'z'].map(file), cursor: '' });
		await again;
		return after === 'b1,c1,d2,z1' && listing.entries.map((e) => e.ID).join() === 'a,z';
	})()`)
}

// testOneAsking asks for a list anew while its first page is on its way: no entry comes twice, and who waits for the first
// page waits for the list.
func testOneAsking(_ *testing.T, b *tab) {
	b.wait(`(async () => {
		const { Listing } = await import('/static/app/listing.js');
		const answers = [];
		const listing = new Listing({ load: () => new Promise((resolve, reject) => answers.push({ resolve, reject })) });
		const page = (...names) => ({ entries: names.map((ID) => ({ ID })), cursor: '' });
		const seen = [];
		const tell = (promise, word) => promise.then(() => seen.push(word + listing.entries.length), () => seen.push(word + 'failed'));
		const all = [tell(listing.more(), 'first'), tell(listing.refresh(), 'anew'), tell(listing.more(), 'more')];
		answers[0].resolve(page('a', 'b'));
		await new Promise((resolve) => setTimeout(resolve, 10));
		answers[1].resolve(page('a', 'b', 'c'));
		await Promise.all(all);
		return answers.length === 2 && seen.sort().join() === 'anew3,first3,more3' && listing.entries.length === 3;
	})()`)
}
