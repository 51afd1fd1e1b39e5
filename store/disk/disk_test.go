package disk

import (
	"os"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func testRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func testBlobs(t *testing.T, root *os.Root, kind store.Kind) *Blobs {
	t.Helper()
	b, err := NewBlobs(root, "blobs", kind, "n1")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testStaging(t *testing.T, root *os.Root, opts StagingOptions) *Staging {
	t.Helper()
	opts.Blobs = testBlobs(t, root, store.Local)
	s, err := NewStaging(root, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	for _, kind := range []store.Kind{store.Local, store.Disk} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			storetest.Blobs(t, func(t *testing.T) store.Blobs { return testBlobs(t, testRoot(t, t.TempDir()), kind) })
		})
	}
}

func TestStaging(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]StagingOptions{
		"background sync": {},
		"sync each chunk": {SyncEach: true},
		"no boot ID":      {BootID: "-"}, // a new one at each start, as where the system has none
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Staging(t, func(t *testing.T) storetest.StagingDriver {
				opts := opts // each trial boots by itself
				root := testRoot(t, t.TempDir())
				s := testStaging(t, root, opts)
				return storetest.StagingDriver{Staging: s, Blobs: s.opts.Blobs, Restart: func() store.Staging {
					if opts.BootID != "" {
						opts.BootID += "-"
					}
					return testStaging(t, root, opts)
				}}
			})
		})
	}
}
