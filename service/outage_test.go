package service_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// switched makes the shared progress of a rig fail while down is true.
func (g *uploadRig) switched() (down *atomic.Bool) {
	down = &atomic.Bool{}
	progress := memory.NewProgress()
	progress.Fault = func(string) error {
		if down.Load() {
			return errBroken
		}
		return nil
	}
	g.uploads.Progress = progress
	return down
}

// While Redis is down chunks are refused, and what has come stays: the client goes on where it was.
func TestProgressIsDown(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	down := g.switched()
	body := storetest.Bytes(1, 3*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body, 1)
	down.Store(true)
	part := service.Part{Upload: st.ID, Index: 2, Length: testChunk}
	err := g.uploads.PutChunk(t.Context(), g.user.ID, part, bytes.NewReader(body[testChunk:2*testChunk]))
	wantKind(t, "uppart", err, service.Unavailable)
	_, err = g.uploads.Status(t.Context(), g.user.ID, st.ID)
	wantKind(t, "status", err, service.Unavailable)
	_, err = g.uploads.Unfinished(t.Context(), g.user.ID)
	wantKind(t, "list", err, service.Unavailable)
	again := service.InitRequest{Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), Name: "a"}
	_, err = g.uploads.Init(t.Context(), g.user, again)
	wantKind(t, "init", err, service.Unavailable)
	down.Store(false)
	g.uploads.Progress = memory.NewProgress() // and it comes back empty
	got, err := g.uploads.Init(t.Context(), g.user, again)
	if err != nil || got.ID != st.ID || len(got.Held) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	g.put(g.user, st, body, 3)
	down = g.switched()
	down.Store(true) // a complete needs nothing of it
	e, err := g.complete(g.user, st.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.holds(e, body)
	g.leftNothing()
}

// Tries to begin an upload in vain, as a client makes them, hold neither quota nor places.
func TestInitInVainHoldsNothing(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	down := g.switched()
	down.Store(true)
	for range 20 { // the rig allows 10 open uploads
		_, err := g.uploads.Init(t.Context(), g.user, service.InitRequest{Size: testChunk, Name: "a"})
		wantKind(t, "init", err, service.Unavailable)
	}
	if u := g.reload(g.user); u.Reserved != 0 {
		t.Errorf("%d bytes are reserved", u.Reserved)
	}
	g.leftNothing()
}

// hungQueue is a broker that takes a message and never answers.
type hungQueue struct{ mq.Queue }

func (hungQueue) Publish(ctx context.Context, _ mq.Message) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestCompleteWithoutAQueue(t *testing.T) {
	t.Parallel()
	for _, q := range []mq.Queue{deafQueue{}, hungQueue{}} {
		g := newUploadRig(t)
		g.uploads.Queue = q
		begun := time.Now()
		body := storetest.Bytes(1, 1000)
		g.holds(g.bring(g.user, body, "a"), body)
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%T held a complete up for %s", q, took)
		}
		due, err := g.db.DueTransfers(t.Context(), time.Now(), 10)
		if err != nil || len(due) != 1 {
			t.Errorf("due: %v, %v", due, err)
		}
	}
}

func TestChallengesAreDown(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	challenges := memory.NewChallenges()
	challenges.Fault = func(string) error { return errBroken }
	g.instant.Challenges = challenges
	req := instantRequest([]byte("abc"))
	_, err := g.instant.Link(t.Context(), g.user, req)
	wantKind(t, "challenge", err, service.Unavailable)
	req.Challenge, req.Proof = "x", "y"
	_, err = g.instant.Link(t.Context(), g.user, req)
	wantKind(t, "proof", err, service.Unavailable)
}

// An instant link that the quota refuses leaves no folder.
func TestRefusedLinkMakesNoFolder(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(1, 1000)
	g.bring(g.user, body, "a")
	req := instantRequest(body)
	req.Path = "new/folder"
	quota := int64(1999)
	if err := g.db.UpdateUser(t.Context(), g.user.ID, store.UserChange{Quota: &quota}); err != nil {
		t.Fatal(err)
	}
	_, err := g.instant.Link(t.Context(), g.reload(g.user), req)
	wantKind(t, "link", err, service.QuotaExceeded)
	all, _, err := g.db.List(t.Context(), store.Query{User: g.user.ID, Sort: store.ByName, Limit: 10})
	if err != nil || len(all) != 1 {
		t.Errorf("the root holds %+v, %v", all, err)
	}
	quota++
	if err := g.db.UpdateUser(t.Context(), g.user.ID, store.UserChange{Quota: &quota}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is there, and costs nothing although nothing is left
		if ans := g.ask(g.reload(g.user), req); !ans.Hit {
			t.Errorf("%+v", ans)
		}
	}
}
