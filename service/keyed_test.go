package service_test

import (
	"context"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A long complete must not make all who come after it wait as long.
func TestLockIsNotWaitedForEver(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(1, 1000)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body, 1)
	reached, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	g.uploads.LockWait = 20 * time.Millisecond
	g.uploads.Step = func(name string) {
		if name == "complete.verified" {
			close(reached)
			<-goOn
		}
	}
	go func() {
		_, err := g.complete(g.user, st.ID)
		done <- err
	}()
	<-reached
	_, err := g.complete(g.user, st.ID)
	wantKind(t, "a second complete", err, service.Busy)
	wantKind(t, "cancel", g.uploads.Cancel(t.Context(), g.user.ID, st.ID), service.Busy)
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := g.uploads.Cancel(gone, g.user.ID, st.ID); err == nil {
		t.Error("whoever has left was waited for")
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := g.complete(g.user, st.ID); err != nil {
		t.Errorf("complete after the lock was free: %v", err)
	}
}
