package service_test

import (
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// What was staged goes, as after a failed sync, between the last look at it and its getting a name. The upload is still
// there, and the client must not be told that it is not.
func TestStagingLostInComplete(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(1, testChunk+1)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body)
	g.uploads.Step = func(name string) {
		if name == "complete.verified" {
			g.uploads.Step = nil
			if err := g.staging.Remove(t.Context(), st.ID); err != nil {
				t.Error(err)
			}
		}
	}
	_, err := g.complete(g.user, st.ID)
	wantKind(t, "complete", err, service.Unavailable)
	_, err = g.complete(g.user, st.ID)
	wantKind(t, "complete again", err, service.Incomplete)
	g.put(g.user, st, body)
	e, err := g.complete(g.user, st.ID)
	if err != nil {
		t.Fatal(err)
	}
	g.holds(e, body)
	g.leftNothing()
}
