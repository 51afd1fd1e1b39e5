package service

import (
	"testing"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestTransferMessage(t *testing.T) {
	t.Parallel()
	name := store.NewBlobName(store.EmptyDigest, store.NewUploadID("n1"))
	job := store.Transfer{Digest: store.EmptyDigest, From: store.LocalLocation("n1", name), Target: store.Ceph}
	want := mq.Message{FileHash: store.EmptyDigest.String(), CurLocation: job.From.String(), DestLocation: "ceph", DestStoreType: mq.StoreCeph}
	if got := transferMessage(job); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	job.To = store.Location{Kind: store.Ceph, In: "b", Key: name.Key()}
	if got := transferMessage(job); got.DestLocation != job.To.String() {
		t.Errorf("got %+v", got)
	}
	for kind, want := range map[store.Kind]mq.DestStoreType{store.Disk: mq.StoreLocal, store.OSS: mq.StoreOSS, store.S3: mq.StoreOSS} {
		if got := destStoreType(kind); got != want {
			t.Errorf("%s: got %d, want %d", kind, got, want)
		}
	}
}
