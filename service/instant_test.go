package service_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// proofOf answers a challenge as a client that has the bytes does.
func proofOf(body []byte, ans service.InstantAnswer) string {
	mac := hmac.New(sha256.New, []byte(ans.Challenge))
	for _, r := range ans.Ranges {
		mac.Write(body[r.Offset : r.Offset+r.Length])
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func (g *uploadRig) ask(u store.User, req service.InstantRequest) service.InstantAnswer {
	g.t.Helper()
	req.From = netip.MustParseAddr("192.0.2.1")
	ans, err := g.instant.Link(g.t.Context(), u, req)
	if err != nil {
		g.t.Fatal(err)
	}
	return ans
}

func instantRequest(body []byte) service.InstantRequest {
	s := storetest.SumsOf(body)
	return service.InstantRequest{Digest: s.Digest, Size: s.Size, Name: "fast"}
}

func isChallenge(ans service.InstantAnswer) bool { return !ans.Hit && ans.Challenge != "" }
func isMiss(ans service.InstantAnswer) bool      { return !ans.Hit && ans.Challenge == "" }

func TestInstantWithProof(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 64 << 10, 64<<10 + 1, 1<<20 + 3} {
		g := newUploadRig(t)
		body := storetest.Bytes(1, size)
		g.bring(g.user, body, "a")
		bob := g.addUser("bob")
		req := instantRequest(body)
		ans := g.ask(bob, req)
		if !isChallenge(ans) {
			t.Fatalf("size %d: %+v, want a challenge", size, ans)
		}
		req.Challenge, req.Proof = ans.Challenge, proofOf(body, ans)
		hit := g.ask(bob, req)
		if !hit.Hit || hit.Entry.Name != "fast" {
			t.Fatalf("size %d: %+v, want a hit", size, hit)
		}
		g.holds(hit.Entry, body)
		if u := g.reload(bob); u.Used != int64(size) {
			t.Errorf("size %d: used %d", size, u.Used)
		}
		req.Challenge, req.Proof, req.Name = "", "", "second"
		if own := g.ask(bob, req); !own.Hit {
			t.Errorf("size %d: own content: %+v, want a hit without proof", size, own)
		}
	}
}

func TestRangesCoverTheClaimedSize(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	for _, size := range []int64{0, 1, 64 << 10, 64<<10 + 1, 100_000, 1 << 40} {
		ans := g.ask(g.user, service.InstantRequest{Digest: store.Digest{1}, Size: size})
		if size > 64<<10 && len(ans.Ranges) != 32 {
			t.Errorf("size %d: %d ranges", size, len(ans.Ranges))
		}
		var total int64
		for i, r := range ans.Ranges {
			total += r.Length
			if r.Offset < 0 || r.Length < 1 || r.Offset+r.Length > size {
				t.Errorf("size %d: range %d is %+v", size, i, r)
			}
			if slot := size / 32; size > 64<<10 && (r.Offset < slot*int64(i) || i < 31 && r.Offset+r.Length > slot*int64(i+1)) {
				t.Errorf("size %d: range %d is %+v, outside its 1/32", size, i, r)
			}
		}
		if size <= 64<<10 && total != size {
			t.Errorf("size %d: asked for %d bytes", size, total)
		}
	}
}

func TestWrongProofsMiss(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(2, 200_000)
	g.bring(g.user, body, "a")
	bob := g.addUser("bob")
	other := storetest.Bytes(3, 200_000)
	for what, c := range map[string]struct {
		digest store.Digest
		size   int64
		bytes  []byte
	}{
		"other bytes":     {storetest.SumsOf(body).Digest, 200_000, other},
		"unknown content": {storetest.SumsOf(other).Digest, 200_000, other},
		"size 0":          {storetest.SumsOf(body).Digest, 0, body},
		"size 1":          {storetest.SumsOf(body).Digest, 1, body},
		"size - 1":        {storetest.SumsOf(body).Digest, 199_999, body},
		"size + 1":        {storetest.SumsOf(body).Digest, 200_001, append(slices.Clone(body), 0)},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			req := service.InstantRequest{Digest: c.digest, Size: c.size}
			ans := g.ask(bob, req)
			req.Challenge, req.Proof = ans.Challenge, proofOf(c.bytes, ans)
			begun := time.Now()
			if ans := g.ask(bob, req); !isMiss(ans) {
				t.Errorf("%+v, want a miss", ans)
			}
			if took := time.Since(begun); took < 499*time.Millisecond {
				t.Errorf("answered after %v, want half a second", took)
			}
		})
	}
}

func TestChallengesServeOnce(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(4, 100_000)
	g.bring(g.user, body, "a")
	bob, carol := g.addUser("bob"), g.addUser("carol")
	req := instantRequest(body)
	first := g.ask(bob, req)
	req.Challenge, req.Proof = first.Challenge, proofOf(body, first)
	if ans := g.ask(carol, req); !isChallenge(ans) || ans.Challenge == first.Challenge {
		t.Errorf("another user's challenge: %+v, want a new one", ans)
	}
	if ans := g.ask(bob, req); !isChallenge(ans) {
		t.Errorf("a challenge that somebody tried: %+v, want a new one", ans)
	}
	again := g.ask(bob, service.InstantRequest{Digest: req.Digest, Size: req.Size})
	req.Challenge, req.Proof = again.Challenge, proofOf(body, again)
	g.instant.Challenges = memory.NewChallenges() // a restart
	if ans := g.ask(bob, req); !isChallenge(ans) {
		t.Errorf("a challenge from before a restart: %+v, want a new one", ans)
	}
}

// Who can write where challenges are kept can ask for what anybody proves, or for what ends a process.
func TestForgedChallenges(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(4, 100_000)
	g.bring(g.user, body, "a")
	bob := g.addUser("bob")
	req := instantRequest(body)
	genuine := g.ask(bob, req)
	change := func(i int, r store.Range) []store.Range {
		ranges := slices.Clone(genuine.Ranges)
		ranges[i] = r
		return ranges
	}
	for what, ranges := range map[string][]store.Range{
		"nothing":       {},
		"too few":       genuine.Ranges[:31],
		"the same":      slices.Repeat(genuine.Ranges[:1], 32),
		"no length":     change(3, store.Range{Offset: genuine.Ranges[3].Offset}),
		"less than 0":   change(0, store.Range{Offset: 5, Length: -1}),
		"all memory":    change(0, store.Range{Length: 1 << 40}),
		"before it":     change(0, store.Range{Offset: -1024, Length: 1024}),
		"behind it":     change(31, store.Range{Offset: 100_000 - 1023, Length: 1024}),
		"one too small": {{Offset: 0, Length: 100_000}},
	} {
		c := store.Challenge{User: bob.ID, Digest: req.Digest, Size: req.Size, Ranges: ranges}
		if err := g.instant.Challenges.Add(t.Context(), "forged", c, time.Minute); err != nil {
			t.Fatal(err)
		}
		forged := req
		forged.Challenge = "forged"
		if len(ranges) == 0 {
			forged.Proof = proofOf(body, service.InstantAnswer{Challenge: "forged"})
		}
		if ans := g.ask(bob, forged); !isChallenge(ans) || ans.Challenge == "forged" {
			t.Errorf("%s: %+v, want a new challenge", what, ans)
		}
	}
	req.Challenge, req.Proof = genuine.Challenge, proofOf(body, genuine)
	if ans := g.ask(bob, req); !ans.Hit {
		t.Errorf("the genuine one: %+v", ans)
	}
}

func TestInstantWithoutSizeOrAcrossUsersMisses(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(5, 1000)
	g.bring(g.user, body, "a")
	bob := g.addUser("bob")
	req := instantRequest(body)
	req.Size = -1
	if ans := g.ask(bob, req); !isMiss(ans) {
		t.Errorf("without a size: %+v, want a miss", ans)
	}
	if ans := g.ask(g.user, req); !ans.Hit {
		t.Errorf("own content without a size: %+v, want a hit", ans)
	}
	g.instant.UserOnly = true
	if ans := g.ask(bob, instantRequest(body)); !isMiss(ans) {
		t.Errorf("scope user: %+v, want a miss", ans)
	}
	g.instant.UserOnly, g.instant.NoProof = false, true
	if ans := g.ask(bob, instantRequest(body)); !ans.Hit {
		t.Errorf("without proof: %+v, want a hit", ans)
	}
}

// What a user has put into the trash is still proof enough of having had it.
func TestOwnTrashIsPossession(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(7, 100_000)
	e := g.bring(g.user, body, "a")
	if err := g.db.Trash(t.Context(), g.user.ID, e.ID, 0, time.Now()); err != nil {
		t.Fatal(err)
	}
	if ans := g.ask(g.user, instantRequest(body)); !ans.Hit || ans.Entry.Name != "fast" {
		t.Errorf("%+v, want a hit", ans)
	}
	if ans := g.ask(g.addUser("bob"), instantRequest(body)); !isChallenge(ans) {
		t.Errorf("somebody else: %+v, want a challenge", ans)
	}
}

func TestFailedProofsAreThrottled(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	g.instant.Throttle = &service.Throttle{Limit: 2}
	req := service.InstantRequest{Digest: store.Digest{9}, Size: 10, From: netip.MustParseAddr("192.0.2.9")}
	for range 2 {
		ans := g.ask(g.user, req)
		r := req
		r.Challenge, r.Proof = ans.Challenge, "00"
		if ans := g.ask(g.user, r); !isMiss(ans) {
			t.Fatalf("%+v, want a miss", ans)
		}
	}
	ans := g.ask(g.user, req)
	req.Challenge, req.Proof = ans.Challenge, "00"
	req.From = netip.MustParseAddr("192.0.2.1")
	_, err := g.instant.Link(t.Context(), g.user, req)
	wantKind(t, "the third", err, service.TooMany)
}

// Whether the drive holds a content must not be seen by somebody who cannot prove to have it: neither in the answer nor
// in its time. BLINKDRIVE_TEST_LONG=1 makes it 1,000 tries of each.
func TestHeldAndNotHeldCannotBeToldApart(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(6, 1<<20)
	g.bring(g.user, body, "a")
	bob := g.addUser("bob")
	tries := 40
	if os.Getenv("BLINKDRIVE_TEST_LONG") == "1" {
		tries = 1000
	}
	held, unheld := storetest.SumsOf(body).Digest, storetest.SumsOf([]byte("nobody has this")).Digest
	type sample struct{ ask, prove time.Duration }
	samples := map[store.Digest][]sample{}
	type done struct {
		d store.Digest
		s sample
	}
	results := make(chan done)
	slots := make(chan struct{}, 16)
	for i := range 2 * tries {
		d := []store.Digest{held, unheld}[i%2]
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			req := service.InstantRequest{Digest: d, Size: 1 << 20}
			t0 := time.Now()
			ans := g.ask(bob, req)
			t1 := time.Now()
			if !isChallenge(ans) || len(ans.Ranges) != 32 {
				t.Errorf("%+v, want a challenge", ans)
			}
			req.Challenge, req.Proof = ans.Challenge, strconv.Itoa(i)
			if miss := g.ask(bob, req); !isMiss(miss) {
				t.Errorf("%+v, want a miss", miss)
			}
			results <- done{d, sample{t1.Sub(t0), time.Since(t1)}}
		}()
	}
	for range 2 * tries {
		r := <-results
		samples[r.d] = append(samples[r.d], r.s)
	}
	for what, pick := range map[string]func(sample) time.Duration{
		"challenge": func(s sample) time.Duration { return s.ask },
		"proof":     func(s sample) time.Duration { return s.prove },
	} {
		var a, b []float64
		for _, s := range samples[held] {
			a = append(a, pick(s).Seconds())
		}
		for _, s := range samples[unheld] {
			b = append(b, pick(s).Seconds())
		}
		wantAlike(t, what, a, b)
	}
}

// wantAlike compares two sets of times by Mann-Whitney: the chance that one of the first is longer than one of the second
// is near a half. The bound is five standard deviations, so that it fails by chance less than once in a million runs.
func wantAlike(t *testing.T, what string, a, b []float64) {
	t.Helper()
	p := chanceOfLonger(a, b)
	bound := 5 * sigma(len(a), len(b))
	t.Logf("%s: P(held takes longer) = %.3f, allowed 0.5 ± %.3f", what, p, bound)
	if p < 0.5-bound || p > 0.5+bound {
		t.Errorf("%s: the answers can be told apart by their time: P = %.3f", what, p)
	}
}
